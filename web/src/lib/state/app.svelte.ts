import { Backoff, Client, RequestError, userTopic, type LinkState, type Me, type Signup } from '../sdk';
import { router } from '../../router.svelte';
import { language, useLanguage, type Language } from '../i18n';
import { act } from './act';
import { toasts } from './toasts.svelte';
import { World } from './world.svelte';

const START_BACKOFF = { firstMs: 1_000, mostMs: 15_000 };

export type Phase = 'starting' | 'unreachable' | 'signedOut' | 'signedIn';

/** From the page's load to its end: who is signed in, and whether the server can be heard. */
export class App {
  readonly client: Client;
  phase = $state<Phase>('starting');
  /** Everything of the person who is signed in; gone with the session. */
  world = $state.raw<World | null>(null);
  link = $state<LinkState>('idle');
  demo = $state(false);
  /** Why a session ended that nobody here ended: `session_ended`, `too_many_connections`. */
  endedBecause = $state<string | null>(null);
  /** Chosen on the sign-in screen, and so for the account that is signed in to there. */
  chosenLanguage: Language | null = null;
  readonly #startBackoff = new Backoff(START_BACKOFF);
  #startAgain: ReturnType<typeof setTimeout> | undefined;
  #asking = false;
  /** Where a visitor wanted to go before signing in. */
  #wanted: string | null = null;
  /** True while someone signs out here: what ends then ends as wished. */
  #leaving = false;

  constructor(client: Client) {
    this.client = client;
    client.socket.listen({
      connected: ({ userId }) => userId === this.world?.me.id,
      state: (state) => {
        this.link = state;
        this.world?.linkChanged(state === 'online');
      },
      push: (push) => this.world?.pushed(push),
      caughtUp: (gone) => this.world?.caughtUp(gone),
      resync: (topic) => this.world?.resync(topic),
      stopped: (reason) => this.#ended(reason),
    });
  }

  /** Asks who is signed in; after `unreachable` it goes on asking by itself, and is asked again by who will not wait. */
  async start(): Promise<void> {
    this.phase = 'starting';
    await this.#ask();
  }

  /** The page is looked at again, or the network is back: see `watchWakes`. */
  wake(): void {
    if (this.phase === 'unreachable') void this.#ask();
    else this.client.socket.wake();
  }

  async #ask(): Promise<void> {
    if (this.#asking) return;
    this.#asking = true;
    clearTimeout(this.#startAgain);
    void this.client.config().then(
      (config) => (this.demo = config.demo),
      () => undefined, // the session's request fails as well, and says so on the screen
    );
    try {
      const me = await this.client.session.restore();
      if (me) await this.#greet(me, me.settings.language);
      else this.#signedOut();
    } catch {
      this.phase = 'unreachable';
      this.#startAgain = setTimeout(() => void this.#ask(), this.#startBackoff.nextMs());
    } finally {
      this.#asking = false;
    }
  }

  async login(login: string, password: string): Promise<void> {
    const me = await this.client.session.login(login, password);
    await this.#greet(me, this.chosenLanguage ?? me.settings.language);
    this.#goOn();
  }

  async signup(body: Signup): Promise<void> {
    await this.#greet(await this.client.session.signup(body), language());
    this.#goOn();
  }

  async logout(): Promise<void> {
    const world = this.world;
    this.#leaving = true;
    try {
      await this.client.logout();
    } catch (error) {
      // A session that is over already, or whose end was seen on the socket though not answered, is what was asked for;
      // anything else is told by the caller.
      const over = this.world === null || (error instanceof RequestError && error.code === 'unauthenticated');
      if (!over) throw error;
    } finally {
      this.#leaving = false;
    }
    world?.forget();
    // The server may have closed the socket before it answered; then all of this is done.
    if (this.world === null) return;
    this.client.socket.stop();
    this.#leave();
  }

  /** Nothing of an account is drawn in another language than its own; one that was chosen before becomes its own. */
  async #greet(me: Me, chosen: Language): Promise<void> {
    this.chosenLanguage = null;
    await useLanguage(chosen);
    this.#signedIn({ ...me, settings: { ...me.settings, language: chosen } });
    if (chosen !== me.settings.language) void act(() => this.client.call('update_settings', { language: chosen }));
  }

  #signedIn(me: Me): void {
    this.endedBecause = null;
    this.world = new World(this.client, me);
    this.phase = 'signedIn';
    // What happened since `me` was read is heard, however long the way to the socket is.
    this.client.socket.start(me.topicSeq === undefined ? {} : { [userTopic(me.id)]: me.topicSeq });
  }

  #goOn(): void {
    const wanted = this.#wanted;
    this.#wanted = null;
    router.go(wanted ?? '/messages', { replace: true });
  }

  #ended(reason: string): void {
    this.client.session.forget();
    this.endedBecause = this.#leaving ? null : reason;
    this.#leave();
  }

  #leave(): void {
    this.world?.close();
    this.world = null;
    toasts.clear();
    this.#signedOut();
    router.to('login', {}, { replace: true });
  }

  #signedOut(): void {
    this.phase = 'signedOut';
    const { name, path } = router.place;
    if (name === 'login' || name === 'signup') return;
    if (path !== '/messages') this.#wanted = path;
    router.to('login', {}, { replace: true });
  }
}

// The dev server stands in front of the socket too; see vite.config.ts.
const devSocket = (): string => `${location.origin.replace('http', 'ws')}/ws`;

export const app = new App(new Client(import.meta.env.DEV ? { socketUrl: devSocket } : {}));
