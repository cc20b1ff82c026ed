export interface Toast {
  id: number;
  text: string;
  tone: 'plain' | 'good' | 'bad';
  action: { label: string; run: () => void } | null;
}

const SHOWN_MS = 6_000;
const SHOWN_MAX = 3;

interface Shown {
  timer: ReturnType<typeof setTimeout>;
  /** What is done once the toast goes by itself. */
  expired: (() => void) | null;
}

/** Short words that come and go, with an Undo where something can be taken back. */
class Toasts {
  list = $state<Toast[]>([]);
  #lastId = 0;
  readonly #shown = new Map<number, Shown>();

  show(text: string, { tone = 'plain' as Toast['tone'], action = null as Toast['action'] } = {}): number {
    return this.#add(text, tone, action, null);
  }

  /** Does it when the toast goes, unless Undo was pressed: for what the server could not take back. */
  later(text: string, undoLabel: string, commit: () => void, undo: () => void): void {
    this.#add(text, 'plain', { label: undoLabel, run: undo }, commit);
  }

  act(id: number): void {
    const toast = this.list.find((each) => each.id === id);
    this.#take(id);
    toast?.action?.run();
  }

  dismiss(id: number): void {
    this.#take(id)?.expired?.();
  }

  /** A toast under the pointer or the focus stays. */
  hold(id: number): void {
    clearTimeout(this.#shown.get(id)?.timer);
  }

  release(id: number): void {
    const shown = this.#shown.get(id);
    if (!shown) return;
    clearTimeout(shown.timer);
    shown.timer = setTimeout(() => this.dismiss(id), SHOWN_MS);
  }

  /** Does what was put off, at once: the page is going away. */
  flush(): void {
    for (const id of [...this.#shown.keys()]) this.dismiss(id);
  }

  clear(): void {
    for (const id of [...this.#shown.keys()]) this.#take(id);
  }

  #add(text: string, tone: Toast['tone'], action: Toast['action'], expired: (() => void) | null): number {
    const id = (this.#lastId += 1);
    this.#shown.set(id, { timer: setTimeout(() => this.dismiss(id), SHOWN_MS), expired });
    this.list.push({ id, text, tone, action });
    const oldest = this.list[0];
    if (this.list.length > SHOWN_MAX && oldest) this.dismiss(oldest.id);
    return id;
  }

  #take(id: number): Shown | undefined {
    const shown = this.#shown.get(id);
    clearTimeout(shown?.timer);
    this.#shown.delete(id);
    this.list = this.list.filter((toast) => toast.id !== id);
    return shown;
  }
}

export const toasts = new Toasts();
