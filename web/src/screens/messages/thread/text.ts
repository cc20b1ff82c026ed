export type TextPart = { type: 'text'; text: string } | { type: 'link'; text: string; href: string };

const LINK = /\b(?:https?:\/\/|www\.)[^\s<>"'`]+/giu;

/** A text cut into words and links. Only http and https become links, and nothing is ever made into markup. */
export function partsOf(text: string): TextPart[] {
  const parts: TextPart[] = [];
  let from = 0;
  for (const match of text.matchAll(LINK)) {
    const shown = withoutTail(match[0]);
    const href = hrefOf(shown);
    if (!href) continue;
    if (match.index > from) parts.push({ type: 'text', text: text.slice(from, match.index) });
    parts.push({ type: 'link', text: shown, href });
    from = match.index + shown.length;
  }
  if (from < text.length) parts.push({ type: 'text', text: text.slice(from) });
  return parts;
}

/** "(see https://a.example/x)." does not end in ")." */
function withoutTail(link: string): string {
  let end = link.length;
  while (end > 0) {
    const letter = link[end - 1] as string;
    const closing = letter === ')' && !link.slice(0, end).includes('(');
    if (!closing && !'.,;:!?…»”’]}*_'.includes(letter)) break;
    end -= 1;
  }
  return link.slice(0, end);
}

function hrefOf(link: string): string | null {
  try {
    const url = new URL(link.toLowerCase().startsWith('www.') ? `https://${link}` : link);
    return url.hostname.includes('.') || url.hostname === 'localhost' ? url.href : null;
  } catch {
    return null;
  }
}

const EMOJI_ONLY = /^(?:\p{Extended_Pictographic}|\p{Emoji_Component}|\s)+$/u;
const LARGE_MAX = 6;

/** A few emoji and nothing else are drawn large. */
export function isLargeEmoji(text: string): boolean {
  if (text.length > 60 || !EMOJI_ONLY.test(text) || /^[\d#*\s]+$/.test(text)) return false;
  const letters = [...new Intl.Segmenter(undefined, { granularity: 'grapheme' }).segment(text.replace(/\s/g, ''))];
  return letters.length <= LARGE_MAX && !letters.some(({ segment }) => /^[\d#*]$/.test(segment));
}

/** Whether anything of it can be seen: neither spaces nor what only joins, hides or turns other characters. */
export function isVisible(text: string): boolean {
  return /[^\s\p{C}]/u.test(text);
}
