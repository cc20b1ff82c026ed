/** Whether a key press sends: Enter, but neither with Shift nor while an input method composes. */
export function sends(event: Pick<KeyboardEvent, 'key' | 'shiftKey' | 'isComposing' | 'keyCode'>): boolean {
  // 229: some input methods end a composition with Enter after isComposing is false again.
  return event.key === 'Enter' && !event.shiftKey && !event.isComposing && event.keyCode !== 229;
}
