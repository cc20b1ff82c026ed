import { Backoff } from './backoff';
import { RequestError, signedOut, type ErrorBody } from './errors';
import type { Push } from './pushes';
import { Requests, type Reply, type RequestOptions } from './requests';
import { Topics } from './topics';

const CONNECT_TIMEOUT_MS = 10_000;
/** After this long without a frame the link is asked whether it is alive. */
const SILENCE_MS = 25_000;
const PONG_TIMEOUT_MS = 8_000;
const BACKOFF = { firstMs: 400, mostMs: 15_000 };

const BAD_TOKEN = 4005;
/** Close codes from here to 4999 mean: stay away until a person acts. */
const STAY_AWAY_FROM = 4500;

export type LinkState = 'idle' | 'connecting' | 'online' | 'waiting' | 'stopped';

/** The part of the browser's WebSocket that is used here, so that tests can stand in for it. */
export interface Transport {
  send(text: string): void;
  close(code?: number, reason?: string): void;
  onopen: (() => void) | null;
  onmessage: ((event: { data: unknown }) => void) | null;
  onclose: ((event: { code: number; reason: string }) => void) | null;
}

export interface SocketOptions {
  url: () => Promise<string>;
  /** An access token; `fresh` when the last one was refused. Throws `signed_out` when there is none to be had. */
  token: (fresh: boolean) => Promise<string>;
  open?: (url: string) => Transport;
  random?: () => number;
}

export interface SocketListener {
  state?: (state: LinkState) => void;
  push?: (push: Push) => void;
  /** Everything missed has been delivered. */
  caughtUp?: () => void;
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
  #timer: ReturnType<typeof setTimeout> | undefined;
  #freshToken = false;
  /** Numbers the attempts, so that one that was given up while it waited for a token does not go on. */
  #attempt = 0;

  constructor(options: SocketOptions) {
    this.#options = options;
    this.#backoff = new Backoff(BACKOFF, options.random);
  }

  get state(): LinkState {
    return this.#state;
  }

  listen(listener: SocketListener): void {
    this.#listener = listener;
  }

  start(): void {
    if (this.#state === 'idle' || this.#state === 'stopped') void this.#connect();
  }

  /** Ends the link and forgets what was held. */
  stop(): void {
    this.#drop(1000);
    this.#topics.clear();
    this.#requests.failAll(signedOut());
    this.#become('idle');
  }

  request(event: string, data: unknown, options?: RequestOptions): Promise<unknown> {
    return this.#requests.ask(event, data, options);
  }

  /** The network is back or the page is looked at again: do not wait for a timer. */
  wake(): void {
    if (this.#state === 'waiting') void this.#connect();
    else if (this.#state === 'online') this.#probe();
  }

  /** The system says that there is no network: nothing is tried until `wake`. */
  sleep(): void {
    if (this.#state === 'idle' || this.#state === 'stopped') return;
    this.#lost();
    clearTimeout(this.#timer);
  }

  async #connect(): Promise<void> {
    const attempt = (this.#attempt += 1);
    clearTimeout(this.#timer);
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
    const transport = this.#transport as Transport;
    this.#requests.linked((text) => transport.send(text));
    this.#become('online');
    this.#watchSilence();
  }

  #caughtUp(frame: Frame): void {
    this.#backoff.reset();
    const missed = this.#topics.caughtUp((frame.data as { topics: Record<string, number> }).topics);
    for (const topic of missed) this.#listener.resync?.(topic);
    this.#listener.caughtUp?.();
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
    this.#requests.failAll(signedOut());
    this.#become('stopped');
    this.#listener.stopped?.(reason);
  }

  #drop(code: number): void {
    this.#attempt += 1;
    clearTimeout(this.#timer);
    const transport = this.#transport;
    this.#transport = null;
    if (!transport) return;
    transport.onopen = transport.onmessage = transport.onclose = null;
    transport.close(code);
  }

  #watchSilence(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#probe(), SILENCE_MS);
  }

  #probe(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#lost(), PONG_TIMEOUT_MS);
    // Any frame counts as an answer, so a refusal of the ping itself does too.
    this.#requests.ask('ping', {}, { delivery: 'now', timeoutMs: PONG_TIMEOUT_MS }).catch(() => undefined);
  }

  #become(state: LinkState): void {
    if (state === this.#state) return;
    this.#state = state;
    this.#listener.state?.(state);
  }
}

function openWebSocket(url: string): Transport {
  const socket = new WebSocket(url);
  const transport: Transport = {
    onopen: null,
    onmessage: null,
    onclose: null,
    // What is sent while the link is closing is lost in any case, and comes back with the unanswered requests.
    send: (text) => {
      if (socket.readyState === WebSocket.OPEN) socket.send(text);
    },
    close: (code, reason) => socket.close(code, reason),
  };
  socket.onopen = () => transport.onopen?.();
  socket.onmessage = (event) => transport.onmessage?.(event);
  socket.onclose = (event) => transport.onclose?.(event);
  return transport;
}
