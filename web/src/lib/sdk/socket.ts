import { Backoff } from './backoff';
import { RequestError, signedOut, type ErrorBody } from './errors';
import type { Push } from './pushes';
import { Requests, type Reply, type RequestOptions } from './requests';
import { Topics } from './topics';
import { openWebSocket, type Transport } from './transport';
import type { Id } from './types';

export type { Transport };

const CONNECT_TIMEOUT_MS = 10_000;
/** After this long without a frame the link is asked whether it is alive. */
const SILENCE_MS = 25_000;
const PONG_TIMEOUT_MS = 8_000;
/** After a sleep, or on another network, a link is more likely dead than slow. */
const WOKEN_PONG_TIMEOUT_MS = 4_000;
/** On waking an attempt as old as this is not waited for: what it began on may be gone. */
const STUCK_MS = 2_000;
const BACKOFF = { firstMs: 400, mostMs: 15_000 };

const BAD_TOKEN = 4005;
/** Close codes from here to 4999 mean: stay away until a person acts. */
const STAY_AWAY_FROM = 4500;

export type LinkState = 'idle' | 'connecting' | 'online' | 'waiting' | 'stopped';

export interface SocketOptions {
  url: () => Promise<string>;
  /** An access token; `fresh` when the last one was refused. Throws `signed_out` when there is none to be had. */
  token: (fresh: boolean) => Promise<string>;
  open?: (url: string) => Transport;
  random?: () => number;
}

export interface Connected {
  userId: Id;
  sessionId: Id;
}

export interface SocketListener {
  /** Who the server says this link is of; false when that is not who is signed in here, and so ends it. */
  connected?: (who: Connected) => boolean;
  state?: (state: LinkState) => void;
  push?: (push: Push) => void;
  /** Everything missed has been delivered; `gone` are the topics that are no longer ours. */
  caughtUp?: (gone: readonly string[]) => void;
  /** Too much was missed: load what hangs on this topic anew. */
  resync?: (topic: string) => void;
  /** The server said to stay away, and in which word. */
  stopped?: (reason: string) => void;
}

interface Frame extends Partial<Reply> {
  event?: string;
  topic?: string;
  seq?: number;
}

/** One lasting link over many connections: it comes back by itself, and each push arrives once and in order. */
export class Socket {
  readonly #options: SocketOptions;
  readonly #requests = new Requests();
  readonly #topics = new Topics();
  readonly #backoff: Backoff;
  #listener: SocketListener = {};
  #transport: Transport | null = null;
  #state: LinkState = 'idle';
  #sessionId: Id | null = null;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #freshToken = false;
  #attemptedAtMs = 0;
  /** When the answer to a ping is waited for no longer; 0 while none is. */
  #probeEndsMs = 0;
  /** Numbers the attempts, so that one that was given up while it waited for a token does not go on. */
  #attempt = 0;

  constructor(options: SocketOptions) {
    this.#options = options;
    this.#backoff = new Backoff(BACKOFF, options.random);
  }

  get state(): LinkState {
    return this.#state;
  }

  /** Which session the link is of, also while it is down; null before it was first up. */
  get sessionId(): Id | null {
    return this.#sessionId;
  }

  listen(listener: SocketListener): void {
    this.#listener = listener;
  }

  /** `have` names what is held already, from a snapshot, say. */
  start(have: Readonly<Record<string, number>> = {}): void {
    if (this.#state !== 'idle' && this.#state !== 'stopped') return;
    for (const [topic, seq] of Object.entries(have)) this.#topics.start(topic, seq);
    void this.#connect();
  }

  /** Ends the link and forgets what was held. */
  stop(): void {
    this.#drop(1000);
    this.#topics.clear();
    this.#sessionId = null;
    this.#requests.failAll(signedOut());
    this.#become('idle');
  }

  request(event: string, data: unknown, options?: RequestOptions): Promise<unknown> {
    return this.#requests.ask(event, data, options);
  }

  /** The network is back, the page is looked at again, the machine woke: do not wait for a timer. */
  wake(): void {
    if (this.#state === 'online') return this.#probe(WOKEN_PONG_TIMEOUT_MS);
    const stuck = this.#state === 'connecting' && Date.now() - this.#attemptedAtMs > STUCK_MS;
    if (this.#state !== 'waiting' && !stuck) return;
    this.#backoff.reset();
    this.#drop(4000);
    void this.#connect();
  }

  /**
   * The system says that there is no network. A link that may be half open is given up; another is still tried for, since
   * a server on this very machine needs no network.
   */
  cut(): void {
    if (this.#state === 'connecting' || this.#state === 'online') this.#lost();
  }

  async #connect(): Promise<void> {
    const attempt = (this.#attempt += 1);
    clearTimeout(this.#timer);
    this.#attemptedAtMs = Date.now();
    this.#become('connecting');
    try {
      const token = await this.#options.token(this.#freshToken);
      const url = await this.#options.url();
      if (attempt !== this.#attempt) return;
      this.#freshToken = false;
      this.#open(url, token);
    } catch (error) {
      if (attempt !== this.#attempt) return;
      if (error instanceof RequestError && error.code === 'signed_out') this.#stopped('session_ended');
      else this.#lost();
    }
  }

  #open(url: string, token: string): void {
    const transport = (this.#options.open ?? openWebSocket)(url);
    this.#transport = transport;
    this.#timer = setTimeout(() => this.#lost(), CONNECT_TIMEOUT_MS);
    transport.onopen = () => {
      const data = { token, have: this.#topics.have() };
      transport.send(JSON.stringify({ id: 1, event: 'connect', data }));
    };
    transport.onmessage = ({ data }) => this.#received(String(data));
    transport.onclose = ({ code, reason }) => this.#closed(code, reason);
  }

  #received(text: string): void {
    let frame: Frame;
    try {
      frame = JSON.parse(text) as Frame;
    } catch {
      return this.#lost(); // not our server
    }
    if (this.#state === 'online') this.#watchSilence();
    if (frame.event === 'connected' || (frame.id === 1 && frame.success === false)) this.#answered(frame);
    else if (typeof frame.id === 'number') this.#requests.answer(frame as Reply);
    else if (frame.event === 'caught_up') this.#caughtUp(frame);
    else if (frame.event === 'resync') this.#resync(frame.data as { topic: string; seq: number });
    else if (frame.event) this.#pushed(frame as Push);
  }

  #answered(frame: Frame): void {
    if (frame.success === false) {
      this.#freshToken = (frame.error as ErrorBody).code === 'unauthenticated';
      return this.#lost();
    }
    const who = frame.data as Connected;
    if (this.#listener.connected?.(who) === false) return this.#stopped('session_ended');
    this.#sessionId = who.sessionId;
    const transport = this.#transport as Transport;
    this.#requests.linked((text) => transport.send(text));
    this.#become('online');
    this.#watchSilence();
  }

  #caughtUp(frame: Frame): void {
    this.#backoff.reset();
    const { missed, gone } = this.#topics.caughtUp((frame.data as { topics: Record<string, number> }).topics);
    for (const topic of missed) this.#listener.resync?.(topic);
    this.#listener.caughtUp?.(gone);
  }

  #resync({ topic, seq }: { topic: string; seq: number }): void {
    this.#topics.start(topic, seq);
    this.#listener.resync?.(topic);
  }

  #pushed(push: Push): void {
    if (push.topic !== undefined && push.seq !== undefined) {
      const arrival = this.#topics.arrive(push.topic, push.seq);
      if (arrival === 'seen') return;
      // What is missing comes with the resume.
      if (arrival === 'gap') return this.#lost();
    }
    if (push.event === 'conversation_added') {
      this.#topics.start(`conversation:${push.data.conversation.id}`, push.data.fromSeq);
    } else if (push.event === 'conversation_removed') {
      this.#topics.drop(`conversation:${push.data.conversationId}`);
    }
    this.#listener.push?.(push);
  }

  #closed(code: number, reason: string): void {
    this.#transport = null;
    if (code >= STAY_AWAY_FROM && code <= 4999) return this.#stopped(reason);
    if (code === BAD_TOKEN) this.#freshToken = true;
    this.#lost();
  }

  /** Lets the connection go and comes back after a wait. */
  #lost(): void {
    this.#drop(4000);
    this.#requests.unlinked();
    this.#become('waiting');
    this.#timer = setTimeout(() => void this.#connect(), this.#backoff.nextMs());
  }

  #stopped(reason: string): void {
    this.#drop(1000);
    this.#topics.clear();
    this.#sessionId = null;
    this.#requests.failAll(signedOut());
    this.#become('stopped');
    this.#listener.stopped?.(reason);
  }

  #drop(code: number): void {
    this.#attempt += 1;
    this.#probeEndsMs = 0;
    clearTimeout(this.#timer);
    const transport = this.#transport;
    this.#transport = null;
    if (!transport) return;
    transport.onopen = transport.onmessage = transport.onclose = null;
    transport.close(code);
  }

  #watchSilence(): void {
    clearTimeout(this.#timer);
    this.#probeEndsMs = 0;
    this.#timer = setTimeout(() => this.#probe(PONG_TIMEOUT_MS), SILENCE_MS);
  }

  /** Asks whether the link is alive; asked again while an answer is due, it leaves the nearer end in force. */
  #probe(timeoutMs: number): void {
    const now = Date.now();
    if (now < this.#probeEndsMs && this.#probeEndsMs <= now + timeoutMs) return;
    clearTimeout(this.#timer);
    this.#probeEndsMs = now + timeoutMs;
    this.#timer = setTimeout(() => this.#lost(), timeoutMs);
    // Any frame counts as an answer, so a refusal of the ping itself does too.
    this.#requests.ask('ping', {}, { delivery: 'now', timeoutMs }).catch(() => undefined);
  }

  #become(state: LinkState): void {
    if (state === this.#state) return;
    this.#state = state;
    this.#listener.state?.(state);
  }
}
