import { RequestError, signedOut } from './errors';
import type { Http } from './http';
import type { Id, Me, SignedIn } from './types';

/** An access token this close to its end is not used any more. */
const TOKEN_MARGIN_MS = 60_000;
const REFRESH_LOCK = 'loopync.refresh';

export interface Signup {
  name: string;
  handle: string;
  email: string;
  password: string;
}

export interface SessionOptions {
  /** One refresh at a time over all tabs; the default is the browser's Web Locks where there are any. */
  exclusively?: <T>(work: () => Promise<T>) => Promise<T>;
  now?: () => number;
}

/**
 * Who is signed in. The access token is held in memory only; the refresh token is the browser's HttpOnly cookie, which
 * no script can read.
 */
export class Session {
  readonly #http: Http;
  readonly #exclusively: <T>(work: () => Promise<T>) => Promise<T>;
  readonly #now: () => number;
  #accessToken: string | null = null;
  #expiresAtMs = 0;
  #userId: Id | null = null;
  #refreshing: Promise<Me | null> | null = null;
  /** Counts who was signed in, so that a refresh asked for under one person is not answered to the next. */
  #generation = 0;

  constructor(http: Http, options: SessionOptions = {}) {
    this.#http = http;
    this.#exclusively = options.exclusively ?? oneTabAtATime;
    this.#now = options.now ?? Date.now;
  }

  /** The person whose cookie this browser holds, or null. Throws `offline`, `timeout` or `unavailable` when it cannot tell. */
  restore(): Promise<Me | null> {
    // Calls that come together share one refresh.
    if (this.#refreshing) return this.#refreshing;
    const generation = this.#generation;
    const refreshing = this.#exclusively(() => this.#refresh(generation)).finally(() => {
      if (this.#refreshing === refreshing) this.#refreshing = null;
    });
    this.#refreshing = refreshing;
    return refreshing;
  }

  async signup(body: Signup): Promise<Me> {
    return this.#begin(await this.#http.request<SignedIn>('POST', '/auth/signup', { body: { ...body, cookie: true } }));
  }

  async login(login: string, password: string): Promise<Me> {
    const body = { login, password, cookie: true };
    return this.#begin(await this.#http.request<SignedIn>('POST', '/auth/login', { body }));
  }

  /** Whether the browser's cookie is this person's: in another tab somebody else may have signed in meanwhile. */
  async ownsCookie(): Promise<boolean> {
    const me = await this.restore();
    return me !== null && me.id === this.#userId;
  }

  /** Ends the session of the browser's cookie; its sockets, in other tabs too, close with `session_ended`. */
  async logout(): Promise<void> {
    await this.#http.request('POST', '/auth/logout', { body: {} });
    this.forget();
  }

  forget(): void {
    this.#generation += 1;
    this.#refreshing = null;
    this.#accessToken = null;
    this.#userId = null;
  }

  /** An access token that is good for now; `fresh` when the last one was refused. Throws `signed_out` when there is none. */
  async token(fresh = false): Promise<string> {
    if (fresh || this.#accessToken === null || this.#now() > this.#expiresAtMs - TOKEN_MARGIN_MS) {
      this.#accessToken = null;
      const generation = this.#generation;
      const userId = this.#userId;
      const me = await this.restore();
      if (generation !== this.#generation) throw signedOut();
      // The browser has one cookie: in another tab somebody else may have signed in meanwhile. This tab is not theirs.
      if (me && userId !== null && me.id !== userId) this.forget();
    }
    if (this.#accessToken === null) throw signedOut();
    return this.#accessToken;
  }

  async #refresh(generation: number): Promise<Me | null> {
    let answer: SignedIn | { signedIn: false };
    try {
      answer = await this.#http.request<SignedIn | { signedIn: false }>('POST', '/auth/refresh', { body: {} });
    } catch (error) {
      if (error instanceof RequestError && error.code === 'unauthenticated') return null;
      throw error;
    }
    if (answer.signedIn === false || generation !== this.#generation) return null;
    const isAnothers = this.#userId !== null && answer.user.id !== this.#userId;
    return isAnothers ? answer.user : this.#take(answer);
  }

  #begin(answer: SignedIn): Me {
    this.forget();
    return this.#take(answer);
  }

  #take(answer: SignedIn): Me {
    this.#accessToken = answer.accessToken;
    this.#expiresAtMs = this.#now() + answer.expiresIn * 1000;
    this.#userId = answer.user.id;
    return answer.user;
  }
}

function oneTabAtATime<T>(work: () => Promise<T>): Promise<T> {
  // Plain-HTTP pages have no Web Locks; the server's grace of 30 s for the last used token covers them.
  if (typeof navigator === 'undefined' || !('locks' in navigator) || !navigator.locks) return work();
  return navigator.locks.request(REFRESH_LOCK, work) as Promise<T>;
}
