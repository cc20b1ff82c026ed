"""What a page says, in which language, and whether there is room for it."""

from __future__ import annotations

import ast
import re
from functools import cache

from playwright.sync_api import Page

from ops import places

PHRASE = re.compile(
    r"^  '(?P<key>[\w.]+)': (?P<said>.*?),\n(?=  '|\n|\} )", re.MULTILINE | re.DOTALL
)
QUOTED = re.compile(r"'(?:[^'\\\n]|\\.)*'")
FILLED_IN = re.compile(r"\\\{\w+\\\}")
ENGLISH = re.compile(
    r"\b(the|you|your|and|with|not|this|that|they|who|from|last|of|to|is|are|it|on|by|for|be"
    r"|could|something|someone|message|messages|people|friends)\b",
    re.IGNORECASE,
)
"""Words that stand in nearly every English sentence, and in no German one."""
TEXTS = """
() => {
  const found = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const { parentElement, data } = walker.currentNode;
    if (!parentElement.closest('script, style, noscript, [lang]:not(html)')
        && parentElement.checkVisibility({ visibilityProperty: true })) found.push(data.trim());
  }
  for (const node of document.querySelectorAll('[aria-label], [title], [placeholder], [alt]'))
    if (node.checkVisibility({ visibilityProperty: true }))
      for (const name of ['aria-label', 'title', 'placeholder', 'alt'])
        found.push(node.getAttribute(name) ?? '');
  return [...new Set(found.filter((text) => /\\p{L}/u.test(text)))];
}
"""
CUT = """
() => {
  const pen = document.createElement('canvas').getContext('2d');
  const tooWide = (node) => {
    const style = getComputedStyle(node);
    if (node.placeholder) {
      pen.font = style.font;
      const sides = [style.paddingLeft, style.paddingRight].map(parseFloat);
      const room = node.clientWidth - sides[0] - sides[1];
      if (pen.measureText(node.placeholder).width > room + 1) return true;
    }
    if (node.matches('input, textarea') || node.clientWidth === 0) return false;
    const hides = style.overflowX !== 'visible' && style.overflowY !== 'auto';
    return (hides || node.matches('a, button, label, h1, h2, h3, th, legend'))
      && node.scrollWidth > node.clientWidth + 1;
  };
  return [...document.body.querySelectorAll('*')]
    .filter((node) => node.checkVisibility({ visibilityProperty: true }))
    // The last message of a chat may be longer than its line in the list.
    .filter((node) => !node.closest('.visually-hidden, svg, .skip, .preview'))
    .filter(tooWide)
    .map((node) => `${node.tagName.toLowerCase()}.${node.className}: `
      + (node.placeholder || node.textContent.trim().slice(0, 80)));
}
"""


@cache
def phrases(language: str) -> dict[str, list[str]]:
    """Every phrase of a language by its key, in each of its forms."""
    source = (places.web() / "src" / "lib" / "i18n" / f"{language}.ts").read_text()
    return {
        found["key"]: [ast.literal_eval(text) for text in QUOTED.findall(found["said"])]
        for found in PHRASE.finditer(source)
    }


@cache
def _english_alone() -> re.Pattern[str]:
    """Whatever is an English phrase, and not a German one too."""
    german = {text for forms in phrases("de").values() for text in forms}
    texts = {text for forms in phrases("en").values() for text in forms} - german
    patterns = [FILLED_IN.sub(".+", re.escape(text)) for text in texts]
    return re.compile("|".join(each for each in patterns if re.search(r"[a-z]{2}", each)))


def texts_on(page: Page) -> list[str]:
    """All that can be read on a page or is read out, but for what is marked as another language."""
    found: list[str] = page.evaluate(TEXTS)
    return found


def english_among(texts: list[str]) -> list[str]:
    parts = {text: re.split(r": | · ", text) for text in texts}
    return [
        text
        for text in texts
        if ENGLISH.search(text) or any(map(_english_alone().fullmatch, [text, *parts[text]]))
    ]


def cut_on(page: Page) -> list[str]:
    """What has not room enough for its words."""
    found: list[str] = page.evaluate(CUT)
    return found
