import { SvelteMap } from 'svelte/reactivity';
import { isPassing, type Client, type Id, type Presence } from '../sdk';

const WATCHED_MAX = 200;
const GATHER_MS = 120;
/** A refusal that passes is asked again after this long. */
const AGAIN_MS = 3_000;
/** A link that is back within this time leaves what was known as it is. */
const FORGET_MS = 2_000;
const AWAY_AFTER_MS = 5 * 60_000;

/** Who is here, of those on screen, and whether I am. */
export class PresenceBoard {
  readonly #known = new SvelteMap<Id, Presence>();
  readonly #watchers = new Map<Id, number>();
  #asked = '';
  #gather: ReturnType<typeof setTimeout> | undefined;
  #forget: ReturnType<typeof setTimeout> | undefined;
  #linked = false;
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
    this.#linked = true;
    clearTimeout(this.#forget);
    this.#asked = '';
    this.#changed();
    if (this.#mine === 'away') this.#say('away');
  }

  /** Nobody can be seen without a link. */
  unlinked(): void {
    if (this.#linked) this.#forget = setTimeout(() => this.#known.clear(), FORGET_MS);
    this.#linked = false;
  }

  /** A key, a touch, a look: I am here. */
  active(): void {
    clearTimeout(this.#idle);
    this.#idle = setTimeout(() => this.#say('away'), AWAY_AFTER_MS);
    if (this.#mine === 'away') this.#say('online');
  }

  close(): void {
    this.#linked = false;
    clearTimeout(this.#forget);
    clearTimeout(this.#idle);
    clearTimeout(this.#gather);
  }

  #say(state: 'online' | 'away'): void {
    this.#mine = state;
    this.client.call('set_presence', { state }, { delivery: 'now' }).catch(() => undefined);
  }

  #changed(waitMs = GATHER_MS): void {
    this.#gather ??= setTimeout(() => void this.#ask(), waitMs);
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
    } catch (error) {
      this.#asked = ''; // asked again with the next change, or the next link
      if (this.#linked && isPassing(error)) this.#changed(AGAIN_MS);
    }
  }
}
