import type { Body, CommandName, Result } from './commands';
import { RequestError } from './errors';
import { Http, type HttpOptions } from './http';
import type { RequestOptions } from './requests';
import { Session, type SessionOptions } from './session';
import { Socket, type Transport } from './socket';
import type { Config, Id } from './types';

export interface ClientOptions {
  http?: HttpOptions;
  session?: SessionOptions;
  /** Where the socket is; the default is what `/config` says, beside the page's own hostname. */
  socketUrl?: (config: Config) => string;
  open?: (url: string) => Transport;
  random?: () => number;
}

/** Loopync, seen from a client: a session, a lasting link, and every command by its name. */
export class Client {
  readonly http: Http;
  readonly session: Session;
  readonly socket: Socket;
  readonly #socketUrl: (config: Config) => string;
  #config: Promise<Config> | null = null;

  constructor(options: ClientOptions = {}) {
    this.http = new Http(options.http);
    this.session = new Session(this.http, options.session);
    this.#socketUrl = options.socketUrl ?? ((config) => socketUrl(config, window.location));
    this.socket = new Socket({
      url: async () => this.#socketUrl(await this.config()),
      token: (fresh) => this.session.token(fresh),
      open: options.open,
      random: options.random,
    });
  }

  /** What the server says of itself; asked once, again only after a failure or by `isReachable`. */
  config(): Promise<Config> {
    this.#config ??= this.http.request<Config>('GET', '/config').catch((error: unknown) => {
      this.#config = null;
      throw error;
    });
    return this.#config;
  }

  /**
   * Whether the server answers over HTTP at this moment. What it says is used from now on: its socket may have come back
   * on another port.
   */
  async isReachable(): Promise<boolean> {
    try {
      this.#config = Promise.resolve(await this.http.request<Config>('GET', '/config'));
      return true;
    } catch {
      return false;
    }
  }

  /** Host and port of the socket, for people who look for what blocks it. */
  async socketHost(): Promise<string> {
    return new URL(this.#socketUrl(await this.config())).host;
  }

  /**
   * Ends this tab's own session, and that of the browser's cookie only if it is the same person's. The socket is asked
   * for the first: where the cookie is another's, nothing else speaks for this session.
   */
  async logout(): Promise<void> {
    const { sessionId } = this.socket;
    const ownsCookie = await this.session.ownsCookie();
    const revoked = sessionId === null ? Promise.resolve() : this.#revoke(sessionId);
    if (!ownsCookie) {
      await revoked;
      return this.session.forget();
    }
    revoked.catch(() => undefined); // most often it is the cookie's session too, which ends now
    await this.session.logout();
  }

  async #revoke(sessionId: Id): Promise<void> {
    try {
      await this.call('revoke_session', { sessionId }, { delivery: 'now' });
    } catch (error) {
      // The socket may be closed before the answer: the session is over then.
      if (!(error instanceof RequestError && error.code === 'signed_out')) throw error;
    }
  }

  call<N extends CommandName>(name: N, body: Body<N>, options?: RequestOptions): Promise<Result<N>> {
    return this.socket.request(name, body, options) as Promise<Result<N>>;
  }
}

export function socketUrl(config: Config, location: { protocol: string; hostname: string }): string {
  if (config.wsUrl) return config.wsUrl;
  const scheme = location.protocol === 'https:' ? 'wss:' : 'ws:';
  return `${scheme}//${location.hostname}:${config.wsPort}${config.wsPath}`;
}
