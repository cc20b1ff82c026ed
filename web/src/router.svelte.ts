import { address, placeOf, type Place, type RouteName, type RouteParams } from './routes';

interface Entry {
  /** How deep in our own history: 0 is where this tab came in. */
  index: number;
  key: string;
}

const scrolls = new Map<string, number>();

/** Where one is. Over the browser's own history, so that Back, reload and sending an address work as everywhere. */
class Router {
  #place = $state.raw<Place>(placeOf('/'));
  #entry: Entry = { index: 0, key: 'start' };

  get place(): Place {
    return this.#place;
  }

  start(): () => void {
    if ('scrollRestoration' in history) history.scrollRestoration = 'manual';
    this.#entry = (history.state as Entry | null) ?? newEntry(0);
    history.replaceState(this.#entry, '');
    this.#read();
    const popped = (event: PopStateEvent): void => {
      this.#entry = (event.state as Entry | null) ?? newEntry(0);
      this.#read();
    };
    window.addEventListener('popstate', popped);
    document.addEventListener('click', followLink);
    return () => {
      window.removeEventListener('popstate', popped);
      document.removeEventListener('click', followLink);
    };
  }

  go(path: string, { replace = false } = {}): void {
    if (path === location.pathname + location.search) return;
    this.#entry = newEntry(this.#entry.index + (replace ? 0 : 1));
    if (replace) history.replaceState(this.#entry, '', path);
    else history.pushState(this.#entry, '', path);
    this.#read();
  }

  to(name: RouteName, params?: RouteParams, options?: { replace?: boolean }): void {
    this.go(address(name, params), options);
  }

  /** Back where one came from; to `fallback` when one came in by this very address. */
  back(fallback: string): void {
    if (this.#entry.index > 0) history.back();
    else this.go(fallback, { replace: true });
  }

  /** An attachment that keeps the scroll position of a named box for each visit of a place. */
  keepScroll(name: string): (node: HTMLElement) => () => void {
    const key = `${this.#entry.key} ${name}`;
    return (node) => {
      node.scrollTop = scrolls.get(key) ?? 0;
      const note = (): void => void scrolls.set(key, node.scrollTop);
      node.addEventListener('scroll', note, { passive: true });
      return () => node.removeEventListener('scroll', note);
    };
  }

  #read(): void {
    this.#place = placeOf(location.pathname, location.search);
  }
}

const newEntry = (index: number): Entry => ({ index, key: Math.random().toString(36).slice(2) });

/** Ordinary links inside the client change the place without loading the page. */
function followLink(event: MouseEvent): void {
  if (event.defaultPrevented || event.button !== 0) return;
  if (event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
  const link = (event.target as Element | null)?.closest?.('a');
  if (!link || link.target || link.hasAttribute('download') || link.origin !== location.origin) return;
  event.preventDefault();
  router.go(link.pathname + link.search);
}

export const router = new Router();
