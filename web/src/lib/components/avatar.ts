const COLOURS = 8;

/** The same person has the same colour everywhere. */
export function colourOf(id: string): number {
  let sum = 0;
  for (const letter of id) sum = (sum * 31 + letter.charCodeAt(0)) >>> 0;
  return sum % COLOURS;
}

/** "Ana María Lopez" → "AL"; whole letters, whatever the script. */
export function initialsOf(name: string): string {
  const words = name.trim().split(/\s+/).filter(Boolean);
  const first = firstLetter(words[0]);
  const last = words.length > 1 ? firstLetter(words.at(-1)) : '';
  return (first + last).toLocaleUpperCase();
}

function firstLetter(word = ''): string {
  const letters = new Intl.Segmenter(undefined, { granularity: 'grapheme' }).segment(word);
  return letters[Symbol.iterator]().next().value?.segment ?? '';
}
