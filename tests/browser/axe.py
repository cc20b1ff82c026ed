"""axe-core in a page: every rule of WCAG 2.2 AA that a program can judge."""

from __future__ import annotations

from functools import cache
from typing import Any

from playwright.sync_api import Page

from ops import places

RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
RUN = """
async (tags) => {
  const { violations } = await axe.run(document, { runOnly: { type: 'tag', values: tags } });
  return violations.map(({ id, help, nodes }) =>
    ({ id, help, where: nodes.map((node) => `${node.target} ${node.failureSummary}`) }));
}
"""


@cache
def _source() -> str:
    """From the web client's own development packages."""
    return (places.web() / "node_modules" / "axe-core" / "axe.min.js").read_text()


def violations(page: Page) -> list[dict[str, Any]]:
    """The page's context must bypass the policy, which else forbids to inject anything."""
    if not page.evaluate("'axe' in window"):
        page.evaluate(_source())
    found: list[dict[str, Any]] = page.evaluate(RUN, RULES)
    return found
