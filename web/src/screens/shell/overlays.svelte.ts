export type Overlay = 'palette' | 'shortcuts';

/** What lies over everything; one at a time. */
class Overlays {
  open = $state<Overlay | null>(null);

  toggle(overlay: Overlay): void {
    this.open = this.open === overlay ? null : overlay;
  }

  close(): void {
    this.open = null;
  }
}

export const overlays = new Overlays();
