/** An attachment: arrows, Home and End move between the `[data-roving]` entries of a list; Tab still reaches each. */
export function roving(node: HTMLElement): () => void {
  function keydown(event: KeyboardEvent): void {
    const entries = [...node.querySelectorAll<HTMLElement>('[data-roving]')];
    const at = entries.indexOf(document.activeElement as HTMLElement);
    if (at < 0) return;
    const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: entries.length - 1 }[event.key];
    const target = to === undefined ? undefined : entries[to];
    if (!target) return;
    event.preventDefault();
    target.focus();
  }
  node.addEventListener('keydown', keydown);
  return () => node.removeEventListener('keydown', keydown);
}
