import { disconnected, offline, timedOut, RequestError, type ErrorBody } from './errors';

/** The server allows 64 unanswered requests of one connection; some room is left for pings. */
const IN_FLIGHT_MAX = 60;
const QUEUED_MAX = 500;

export interface RequestOptions {
  /** How long the whole may take, waiting for a link included. */
  timeoutMs?: number;
  /**
   * `repeat` (the default): waits for a link, and is asked again when the link breaks: nearly every command may be
   * repeated. `once`: never sent twice. `now`: not even waited for; worthless a second later.
   */
  delivery?: 'repeat' | 'once' | 'now';
}

export interface Reply {
  id: number;
  success: boolean;
  data?: unknown;
  error?: ErrorBody;
}

interface Request {
  id: number;
  event: string;
  data: unknown;
  delivery: 'repeat' | 'once' | 'now';
  resolve: (data: unknown) => void;
  reject: (error: RequestError) => void;
  timer: ReturnType<typeof setTimeout>;
}

/** What was asked and not answered yet: matches replies by id, and carries requests over a broken link. */
export class Requests {
  readonly #queued: Request[] = [];
  readonly #inFlight = new Map<number, Request>();
  #lastId = 1; // 1 is always the connect frame
  #send: ((text: string) => void) | null = null;

  ask(event: string, data: unknown, { timeoutMs = 15_000, delivery = 'repeat' }: RequestOptions = {}): Promise<unknown> {
    return new Promise((resolve, reject) => {
      if (this.#send === null && delivery === 'now') return reject(offline());
      if (this.#queued.length >= QUEUED_MAX) return reject(new RequestError({ code: 'too_many_requests', retry: true }));
      const request: Request = {
        id: 0,
        event,
        data,
        delivery,
        resolve,
        reject,
        timer: setTimeout(() => this.#expire(request), timeoutMs),
      };
      this.#queued.push(request);
      this.#flush();
    });
  }

  answer(reply: Reply): void {
    const request = this.#inFlight.get(reply.id);
    if (!request) return; // its time was over
    this.#inFlight.delete(reply.id);
    clearTimeout(request.timer);
    if (reply.success) request.resolve(reply.data);
    else request.reject(new RequestError(reply.error ?? { code: 'internal_error', retry: true }));
    this.#flush();
  }

  linked(send: (text: string) => void): void {
    this.#send = send;
    this.#flush();
  }

  unlinked(): void {
    this.#send = null;
    const broken = [...this.#inFlight.values()];
    this.#inFlight.clear();
    for (const request of broken) if (request.delivery !== 'repeat') this.#fail(request, disconnected());
    this.#queued.unshift(...broken.filter((request) => request.delivery === 'repeat'));
  }

  failAll(error: RequestError): void {
    const all = [...this.#inFlight.values(), ...this.#queued];
    this.#inFlight.clear();
    this.#queued.length = 0;
    for (const request of all) this.#fail(request, error);
  }

  #flush(): void {
    while (this.#send && this.#queued.length > 0 && this.#inFlight.size < IN_FLIGHT_MAX) {
      const request = this.#queued.shift() as Request;
      request.id = this.#lastId += 1;
      this.#inFlight.set(request.id, request);
      this.#send(JSON.stringify({ id: request.id, event: request.event, data: request.data }));
    }
  }

  #expire(request: Request): void {
    const queued = this.#queued.indexOf(request);
    if (queued >= 0) this.#queued.splice(queued, 1);
    else this.#inFlight.delete(request.id);
    request.reject(queued >= 0 && this.#send === null ? offline() : timedOut());
  }

  #fail(request: Request, error: RequestError): void {
    clearTimeout(request.timer);
    request.reject(error);
  }
}
