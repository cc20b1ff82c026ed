import { SvelteMap } from 'svelte/reactivity';
import type { Client, Id, Presence } from '../sdk';

const WATCHED_MAX = 200;
const GATHER_MS = 120;
const AWAY_AFTER_MS = 5 * 60_000;

/** Who is here, of those on screen, and whether I am. */
export class PresenceBoard {
  readonly #known = new SvelteMap<Id, Presence>();
  readonly #watchers = new Map<Id, number>();
  #asked = '';
  #gather: ReturnType<typeof setTimeout> | undefined;
  #idle: ReturnType<typeof setTimeout> | undefined;
  #mine: 'online' | 'away' = 'online';

  constructor(
    private readonly client: Client,
    private readonly meId: Id,
  ) {}

  of(userId: Id): Presence | undefined {
    return this.#known.get(userId);
  }

  /** Watches a person for as long as something on screen shows them; answers how to stop. */
  watch(userId: Id): () => void {
    if (userId === this.meId) return () => undefined;
    this.#watchers.set(userId, (this.#watchers.get(userId) ?? 0) + 1);
    this.#changed();
    return () => {
      const left = (this.#watchers.get(userId) ?? 1) - 1;
      if (left > 0) this.#watchers.set(userId, left);
      else this.#watchers.delete(userId);
      this.#changed();
    };
  }

  heard(presence: Presence): void {
    this.#known.set(presence.userId, presence);
  }

  /** A new connection watches nobody and is online. */
  linked(): void {
    this.#asked = '';
    this.#changed();
    if (this.#mine === 'away') this.#say('away');
  }

  /** Nobody can be seen without a link. */
  unlinked(): void {
    this.#known.clear();
  }

  /** A key, a touch, a look: I am here. */
  active(): void {
    clearTimeout(this.#idle);
    this.#idle = setTimeout(() => this.#say('away'), AWAY_AFTER_MS);
    if (this.#mine === 'away') this.#say('online');
  }

  close(): void {
    clearTimeout(this.#idle);
    clearTimeout(this.#gather);
  }

  #say(state: 'online' | 'away'): void {
    this.#mine = state;
    this.client.call('set_presence', { state }, { delivery: 'now' }).catch(() => undefined);
  }

  #changed(): void {
    this.#gather ??= setTimeout(() => void this.#ask(), GATHER_MS);
  }

  async #ask(): Promise<void> {
    this.#gather = undefined;
    const userIds = [...this.#watchers.keys()].slice(-WATCHED_MAX).sort();
    const asked = userIds.join();
    if (asked === this.#asked) return;
    this.#asked = asked;
    try {
      const { presence } = await this.client.call('watch_presence', { userIds }, { delivery: 'now' });
      for (const each of presence) this.heard(each);
    } catch {
      this.#asked = ''; // asked again with the next change, or the next link
    }
  }
}
