import { expect, it } from 'vitest';
import { Client, socketUrl } from './client';
import type { Config } from './types';

const config: Config = { wsPort: 8001, wsPath: '/ws', wsUrl: null, demo: false, version: '1' };
const page = { protocol: 'http:', hostname: 'loopync.example' };

function client(fetch: () => Promise<Response>): Client {
  return new Client({ http: { fetch }, socketUrl: (known) => socketUrl(known, page) });
}

it("finds the socket beside the page's own hostname, unless the server has a public address", () => {
  expect(socketUrl(config, page)).toBe('ws://loopync.example:8001/ws');
  expect(socketUrl(config, { ...page, protocol: 'https:' })).toBe('wss://loopync.example:8001/ws');
  expect(socketUrl({ ...config, wsUrl: 'wss://chat.example/ws' }, page)).toBe('wss://chat.example/ws');
});

it('tells a server that is away from a socket that is blocked', async () => {
  const there = client(() => Promise.resolve(Response.json({ success: true, data: config })));
  expect([await there.isReachable(), await there.socketHost()]).toEqual([true, 'loopync.example:8001']);
  expect(await client(() => Promise.reject(new TypeError('Failed to fetch'))).isReachable()).toBe(false);
});
