import { describe, expect, it, vi } from 'vitest';
import { Client, socketUrl } from './client';
import { FakeTransport } from './testing';
import type { Config } from './types';

const config: Config = { wsPort: 8001, wsPath: '/ws', wsUrl: null, demo: false, version: '1' };
const page = { protocol: 'http:', hostname: 'loopync.example' };

function client(fetch: typeof globalThis.fetch): Client {
  return new Client({ http: { fetch }, socketUrl: (known) => socketUrl(known, page) });
}

it("finds the socket beside the page's own hostname, unless the server has a public address", () => {
  expect(socketUrl(config, page)).toBe('ws://loopync.example:8001/ws');
  expect(socketUrl(config, { ...page, protocol: 'https:' })).toBe('wss://loopync.example:8001/ws');
  expect(socketUrl({ ...config, wsUrl: 'wss://chat.example/ws' }, page)).toBe('wss://chat.example/ws');
});

describe('signing out', () => {
  async function signedOut(cookieOf: string): Promise<{ paths: string[]; link: FakeTransport }> {
    const paths: string[] = [];
    const link = new FakeTransport();
    const user = { id: 'ana' };
    const fetch = (input: RequestInfo | URL): Promise<Response> => {
      paths.push(String(input));
      const data = String(input).endsWith('/config') ? config : { accessToken: 'a', expiresIn: 900, user: { ...user } };
      return Promise.resolve(Response.json({ success: true, data }));
    };
    const session = { exclusively: <T>(work: () => Promise<T>): Promise<T> => work() };
    const anas = new Client({ http: { fetch }, session, socketUrl: (known) => socketUrl(known, page), open: () => link });
    await anas.session.login('ana', 'correct horse');
    anas.socket.start();
    await vi.waitFor(() => expect(link.onopen).not.toBeNull());
    link.welcome();
    user.id = cookieOf;
    paths.length = 0;
    const done = anas.logout();
    await vi.waitFor(() => expect(link.sent.at(-1)).toMatchObject({ event: 'revoke_session', data: { sessionId: 'anas' } }));
    link.answer('revoke_session', {});
    await done;
    anas.socket.stop();
    return { paths, link };
  }

  it('ends her own session, and with it her cookie', async () => {
    expect((await signedOut('ana')).paths).toEqual(['/api/v1/auth/refresh', '/api/v1/auth/logout']);
  });

  it('leaves alone the session of Ben, who signed in beside her in another tab', async () => {
    expect((await signedOut('ben')).paths).toEqual(['/api/v1/auth/refresh']);
  });
});

it('tells a server that is away from a socket that is blocked', async () => {
  const there = client(() => Promise.resolve(Response.json({ success: true, data: config })));
  expect([await there.isReachable(), await there.socketHost()]).toEqual([true, 'loopync.example:8001']);
  expect(await client(() => Promise.reject(new TypeError('Failed to fetch'))).isReachable()).toBe(false);
});

it('finds a socket that came back on another port', async () => {
  let wsPort = 8001;
  const moved = client(() => Promise.resolve(Response.json({ success: true, data: { ...config, wsPort } })));
  expect(await moved.socketHost()).toBe('loopync.example:8001');
  wsPort = 9001;
  expect(await moved.isReachable()).toBe(true);
  expect(await moved.socketHost()).toBe('loopync.example:9001');
});
