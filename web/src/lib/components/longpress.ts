const HOLD_MS = 450;
/** A finger that moves further than this scrolls. Px. */
const SLACK_PX = 10;

/** An attachment: runs when a finger rests on the node. A mouse has buttons for that, and its long press selects text. */
export function longPress(run: () => void): (node: HTMLElement) => () => void {
  return (node) => {
    let timer: ReturnType<typeof setTimeout> | undefined;
    let from = { x: 0, y: 0 };
    let ran = false;

    function down(event: PointerEvent): void {
      if (event.pointerType !== 'touch' || !event.isPrimary) return;
      from = { x: event.clientX, y: event.clientY };
      ran = false;
      timer = setTimeout(() => {
        ran = true;
        run();
      }, HOLD_MS);
    }
    function moved(event: PointerEvent): void {
      if (Math.hypot(event.clientX - from.x, event.clientY - from.y) > SLACK_PX) clearTimeout(timer);
    }
    const ended = (): void => clearTimeout(timer);
    /** The finger's release is no tap any more, on a link for one. */
    function clicked(event: MouseEvent): void {
      if (ran) event.preventDefault();
      ran = false;
    }
    /** The system's own menu, where a touch brings it. */
    function menu(event: MouseEvent): void {
      if ((event as PointerEvent).pointerType === 'touch') event.preventDefault();
    }

    node.addEventListener('pointerdown', down);
    node.addEventListener('pointermove', moved);
    node.addEventListener('pointerup', ended);
    node.addEventListener('pointercancel', ended);
    node.addEventListener('click', clicked, { capture: true });
    node.addEventListener('contextmenu', menu);
    return () => {
      clearTimeout(timer);
      node.removeEventListener('pointerdown', down);
      node.removeEventListener('pointermove', moved);
      node.removeEventListener('pointerup', ended);
      node.removeEventListener('pointercancel', ended);
      node.removeEventListener('click', clicked, { capture: true });
      node.removeEventListener('contextmenu', menu);
    };
  };
}
