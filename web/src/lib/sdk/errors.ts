/** What the server's envelope says of a refusal, on both doors. */
export interface ErrorBody {
  code: string;
  subject?: string;
  hint?: string;
  retry?: boolean;
  retryAfter?: number;
}

/**
 * A request that was not done, or whose outcome is unknown.
 *
 * `code` is one of docs/protocol.md, or of the client's own: `offline` (no link, nothing was sent), `timeout` (no answer
 * in time), `disconnected` (the link broke with the request under way), `signed_out`.
 */
export class RequestError extends Error {
  readonly code: string;
  readonly subject: string;
  readonly hint: string;
  readonly retry: boolean;
  readonly retryAfterSeconds: number | null;

  constructor(body: ErrorBody) {
    super(body.hint ? `${body.code}: ${body.hint}` : body.code);
    this.name = 'RequestError';
    this.code = body.code;
    this.subject = body.subject ?? '';
    this.hint = body.hint ?? '';
    this.retry = body.retry ?? false;
    this.retryAfterSeconds = body.retryAfter ?? null;
  }
}

export const offline = (): RequestError => new RequestError({ code: 'offline', retry: true });
export const timedOut = (): RequestError => new RequestError({ code: 'timeout', retry: true });
export const disconnected = (): RequestError => new RequestError({ code: 'disconnected', retry: true });
export const signedOut = (): RequestError => new RequestError({ code: 'signed_out' });

const PASSING = new Set(['offline', 'timeout', 'disconnected', 'unavailable', 'too_many_requests', 'unauthenticated']);

/**
 * Whether it says nothing of what was asked: the same may do the next moment, or once there is a link, a database or a
 * session again.
 */
export const isPassing = (error: unknown): boolean => error instanceof RequestError && PASSING.has(error.code);

/** Whether the same may do another time: also where the server failed, which says so by `retry`. */
export const mayDoLater = (error: unknown): boolean => isPassing(error) || (error instanceof RequestError && error.retry);
