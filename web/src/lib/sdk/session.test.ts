import { describe, expect, it } from 'vitest';
import { Http } from './http';
import { Session } from './session';

const MINUTE = 60_000;

/** A server that answers one thing after another, and remembers what it was asked. */
function server(...answers: [number, unknown][]): { http: Http; asked: { path: string; body: unknown }[] } {
  const asked: { path: string; body: unknown }[] = [];
  const fake: typeof fetch = (input, init) => {
    asked.push({ path: String(input), body: JSON.parse(String(init?.body)) });
    const [status, body] = answers.shift() ?? [500, {}];
    return Promise.resolve(new Response(JSON.stringify(body), { status }));
  };
  return { http: new Http({ fetch: fake }), asked };
}

const good = (accessToken: string, id = 'ana'): [number, unknown] => [
  200,
  { success: true, data: { signedIn: true, accessToken, expiresIn: 900, refreshToken: null, user: { id } } },
];
const bad = (code: string, status: number): [number, unknown] => [status, { success: false, error: { code } }];
const alone = <T>(work: () => Promise<T>): Promise<T> => work();

describe("Ana's session", () => {
  it('asks for the cookie, so that no script ever sees the refresh token', async () => {
    const { http, asked } = server(good('one'));
    await new Session(http, { exclusively: alone }).login('ana', 'correct horse');
    expect(asked).toEqual([{ path: '/api/v1/auth/login', body: { login: 'ana', password: 'correct horse', cookie: true } }]);
  });

  it('finds out without an error that nobody is signed in', async () => {
    const { http } = server([200, { success: true, data: { signedIn: false } }]);
    expect(await new Session(http, { exclusively: alone }).restore()).toBeNull();
  });

  it('is over when the refresh token is refused', async () => {
    const { http } = server(bad('unauthenticated', 401));
    await expect(new Session(http, { exclusively: alone }).token()).rejects.toMatchObject({ code: 'signed_out' });
  });

  it('is over when somebody else has signed in meanwhile, in another tab of this browser', async () => {
    const { http } = server(good('one'), good('of ben', 'ben'), good('of ben', 'ben'));
    const session = new Session(http, { exclusively: alone });
    await session.restore();
    await expect(session.token(true)).rejects.toMatchObject({ code: 'signed_out' });
    expect(await session.restore()).toMatchObject({ id: 'ben' }); // the page that starts anew is theirs
  });

  it('does not come back with a refresh that is answered after she signed out, or after Ben signed in', async () => {
    const answers: ((response: Response) => void)[] = [];
    const http = new Http({ fetch: () => new Promise<Response>((resolve) => answers.push(resolve)) });
    const answer = ([status, body]: [number, unknown]): void => answers.shift()?.(new Response(JSON.stringify(body), { status }));
    const session = new Session(http, { exclusively: alone });
    const late = session.token();
    session.forget();
    answer(good('of ana'));
    await expect(late).rejects.toMatchObject({ code: 'signed_out' });
    const later = session.token();
    const login = session.login('ben', 'correct horse');
    answers.reverse();
    answer(good('of ben', 'ben'));
    await login;
    answer(good('of ana'));
    await expect(later).rejects.toMatchObject({ code: 'signed_out' });
    expect(await session.token()).toBe('of ben');
  });

  it('is not over because the server is busy', async () => {
    const { http } = server(bad('unavailable', 503), good('one'));
    const session = new Session(http, { exclusively: alone });
    await expect(session.token()).rejects.toMatchObject({ code: 'unavailable' });
    expect(await session.token()).toBe('one');
  });

  it('uses a token until shortly before its end, then gets another', async () => {
    let now = 0;
    const { http, asked } = server(good('one'), good('two'));
    const session = new Session(http, { exclusively: alone, now: () => now });
    await session.restore();
    now = 13 * MINUTE;
    expect(await session.token()).toBe('one');
    now = 14.5 * MINUTE;
    expect(await session.token()).toBe('two');
    expect(asked).toHaveLength(2);
  });

  it('refreshes once for all who ask at the same time', async () => {
    const { http, asked } = server(good('one'));
    const session = new Session(http, { exclusively: alone });
    expect(await Promise.all([session.token(), session.token(), session.token()])).toEqual(['one', 'one', 'one']);
    expect(asked).toHaveLength(1);
  });

  it('says that an answer in no envelope is the trouble of something in between', async () => {
    const http = new Http({ fetch: () => Promise.resolve(new Response('<h1>Bad gateway</h1>', { status: 502 })) });
    await expect(http.request('GET', '/config')).rejects.toMatchObject({ code: 'unavailable', retry: true });
  });

  it('says that it is offline when nothing answers', async () => {
    const http = new Http({ fetch: () => Promise.reject(new TypeError('network')) });
    await expect(http.request('GET', '/config')).rejects.toMatchObject({ code: 'offline' });
  });
});
