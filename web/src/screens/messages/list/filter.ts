const plain = (text: string): string => text.normalize('NFKD').replace(/\p{M}/gu, '').toLocaleLowerCase();

/** Whether any word of a title begins with what was typed, whatever the accents. */
export function matches(title: string, filter: string): boolean {
  const wanted = plain(filter.trim().replace(/^@/, ''));
  if (wanted === '') return true;
  const name = plain(title);
  return name.startsWith(wanted) || name.split(/\s+/).some((word) => word.startsWith(wanted));
}
