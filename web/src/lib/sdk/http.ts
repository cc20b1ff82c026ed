import { RequestError, offline, timedOut, type ErrorBody } from './errors';

const REQUEST_TIMEOUT_MS = 15_000;

export interface HttpOptions {
  /** Where `/api/v1` lies: '' is the page's own origin. */
  base?: string;
  fetch?: typeof fetch;
}

export interface HttpRequest {
  body?: unknown;
  token?: string;
  idempotencyKey?: string;
}

/** The HTTP door: one call, one envelope, answered with its data or thrown as a RequestError. */
export class Http {
  readonly #base: string;
  readonly #fetch: typeof fetch;

  constructor(options: HttpOptions = {}) {
    this.#base = `${options.base ?? ''}/api/v1`;
    this.#fetch = options.fetch ?? ((input, init) => fetch(input, init));
  }

  async request<T>(method: string, path: string, { body, token, idempotencyKey }: HttpRequest = {}): Promise<T> {
    const headers: Record<string, string> = { Accept: 'application/json' };
    if (body !== undefined) headers['Content-Type'] = 'application/json';
    if (token) headers['Authorization'] = `Bearer ${token}`;
    if (idempotencyKey) headers['Idempotency-Key'] = idempotencyKey;
    let response: Response;
    try {
      response = await this.#fetch(this.#base + path, {
        method,
        headers,
        body: body === undefined ? null : JSON.stringify(body),
        credentials: 'same-origin',
        cache: 'no-store',
        signal: AbortSignal.timeout(REQUEST_TIMEOUT_MS),
      });
    } catch (error) {
      throw error instanceof DOMException && error.name === 'TimeoutError' ? timedOut() : offline();
    }
    return unwrap<T>(response);
  }
}

async function unwrap<T>(response: Response): Promise<T> {
  let envelope: { success?: boolean; data?: T; error?: ErrorBody };
  try {
    envelope = await response.json();
  } catch {
    // A proxy in between answered in words of its own.
    throw new RequestError({ code: response.status >= 500 ? 'unavailable' : 'internal_error', retry: true });
  }
  if (envelope.success === true) return envelope.data as T;
  throw new RequestError(envelope.error ?? { code: 'internal_error', retry: true });
}
