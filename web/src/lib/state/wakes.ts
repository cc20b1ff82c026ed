const TICK_MS = 5_000;
/** A tick this much too late means that the machine slept: on some its clock for timers stands still meanwhile. */
const LATE_MS = 5_000;

export interface WakesListener {
  /** Something may have happened to the link while nobody looked, or it may be possible again. */
  wake: () => void;
  /** The system says that there is no network. */
  cut: () => void;
}

/** Notices everything after which the link should be looked at; answers how to stop. */
export function watchWakes({ wake, cut }: WakesListener): () => void {
  let lastMs = Date.now();
  const timer = setInterval(() => {
    const now = Date.now();
    const late = now - lastMs > TICK_MS + LATE_MS;
    lastMs = now;
    if (late) wake();
  }, TICK_MS);
  const seen = (): void => {
    if (document.visibilityState === 'visible') wake();
  };
  const listeners: [EventTarget, string, () => void][] = [
    [window, 'online', wake],
    [window, 'offline', cut],
    [window, 'focus', wake],
    [window, 'pageshow', wake], // out of the back/forward cache
    [document, 'resume', wake], // from being frozen
    [document, 'visibilitychange', seen],
  ];
  for (const [target, event, listener] of listeners) target.addEventListener(event, listener);
  return () => {
    clearInterval(timer);
    for (const [target, event, listener] of listeners) target.removeEventListener(event, listener);
  };
}
