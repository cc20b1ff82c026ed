"""What import-linter cannot say: a domain is entered only through its `__init__`."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parents[2]
DOMAINS = ("storage", "domains")
PACKAGES = ("storage", "realtime", "http_api", "bench", "ops")


def inner_imports(path: Path, source: str) -> Iterator[str]:
    """The modules inside a domain that `path`, which is outside of it, imports from."""
    own = path.parts[2] if path.parts[:2] == DOMAINS and len(path.parts) > 3 else None
    for node in ast.walk(ast.parse(source)):
        for name in imported(node):
            parts = tuple(name.split("."))
            if parts[:2] != DOMAINS or len(parts) < 4 or parts[2] == own:
                continue
            if CHECKOUT.joinpath(*parts[:4]).with_suffix(".py").exists():
                yield f"{path} imports {'.'.join(parts[:4])}"


def imported(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if isinstance(node, ast.ImportFrom) and node.module:
        return [f"{node.module}.{alias.name}" for alias in node.names]
    return []


def test_a_domain_is_entered_only_through_its_init() -> None:
    offered = modules_offered()
    found: list[str] = []
    for package in PACKAGES:
        for file in sorted((CHECKOUT / package).rglob("*.py")):
            found += inner_imports(file.relative_to(CHECKOUT), file.read_text())
    assert [problem for problem in found if problem.split()[-1] not in offered] == []


def modules_offered() -> set[str]:
    """Modules that a domain offers as a whole, by naming them in its `__all__`."""
    offered = set()
    for init in CHECKOUT.joinpath(*DOMAINS).glob("*/__init__.py"):
        for node in ast.walk(ast.parse(init.read_text())):
            if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__":
                names = ast.literal_eval(node.value)
                offered |= {f"storage.domains.{init.parent.name}.{name}" for name in names}
    return offered


@pytest.mark.parametrize(
    "line",
    [
        "from storage.domains.messaging.send import send_message",
        "from storage.domains.messaging import history",
        "import storage.domains.messaging.send as sending",
    ],
)
def test_the_control_every_way_around_is_seen(line: str) -> None:
    assert list(inner_imports(Path("realtime/commands/messaging.py"), line))
    assert list(inner_imports(Path("storage/domains/presence/leases.py"), line))
    assert not list(inner_imports(Path("storage/domains/messaging/marks.py"), line))
