// @vitest-environment happy-dom
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { RequestError, type Client, type Message, type OutboxItem } from '../sdk';
import { Outgoing } from './outgoing.svelte';

const KEY = 'loopync.outbox.ana.';
const item = (clientId: string, state: 'waiting' | 'failed' = 'waiting'): OutboxItem => ({
  clientId, conversationId: 'c', text: clientId, createdAt: '2026-01-01T00:00:00Z', state, reason: null,
});

/** As the browser tells a tab of what another one did. */
function otherTab(clientId: string, kept: OutboxItem | null): void {
  if (kept) localStorage.setItem(KEY + clientId, JSON.stringify(kept));
  else localStorage.removeItem(KEY + clientId);
  const newValue = kept && JSON.stringify(kept);
  window.dispatchEvent(Object.assign(new Event('storage'), { key: KEY + clientId, newValue }));
}

describe("Ana's messages on their way", () => {
  const call = vi.fn();
  let acknowledged: Message[];
  let outgoing: Outgoing;

  function open(): Outgoing {
    const opened = new Outgoing({ call } as unknown as Client, 'ana', (message) => acknowledged.push(message));
    opened.start();
    return opened;
  }
  const texts = (): string[] => outgoing.items.map((each) => each.text);

  beforeEach(() => {
    vi.useFakeTimers();
    localStorage.clear();
    acknowledged = [];
    call.mockReset().mockImplementation(() => Promise.reject(new RequestError({ code: 'offline', retry: true })));
    outgoing = open();
  });
  afterEach(() => {
    outgoing.close();
    vi.useRealTimers();
  });

  it('keep their order over a reload, though written within one tick and a clock that is put back', () => {
    for (const text of ['one', 'two', 'three']) outgoing.send('c', text);
    vi.setSystemTime(Date.now() - 3_600_000);
    outgoing.send('c', 'four');
    outgoing.close();
    outgoing = open();
    expect(texts()).toEqual(['one', 'two', 'three', 'four']);
  });

  it('say that the server has no room for them, until it has', async () => {
    call.mockImplementation(() => Promise.reject(new RequestError({ code: 'unavailable', subject: 'disk', retry: true, retryAfter: 5 })));
    outgoing.send('c', 'one');
    await vi.advanceTimersByTimeAsync(0);
    expect(outgoing.full).toBe(true);
    call.mockImplementation(() => Promise.resolve({ id: 'm', conversationId: 'c', seq: 1, createdAt: '2026-01-01T00:00:00Z' }));
    await vi.advanceTimersByTimeAsync(5_000);
    expect([outgoing.full, texts()]).toEqual([false, []]);
  });

  it('make the browser ask before a reload that would lose one, since there was no room to keep it', async () => {
    const asks = (): boolean => !window.dispatchEvent(new Event('beforeunload', { cancelable: true }));
    outgoing.send('c', 'one');
    expect(asks()).toBe(false);
    const full = (): never => {
      throw new DOMException('full', 'QuotaExceededError');
    };
    vi.stubGlobal('localStorage', { setItem: full, getItem: () => null, removeItem: () => undefined });
    outgoing.send('c', 'two');
    vi.unstubAllGlobals();
    expect(asks()).toBe(true);
    call.mockResolvedValue({ id: 'm', conversationId: 'c', seq: 1, createdAt: '2026-01-01T00:00:00Z' });
    outgoing.wake();
    await vi.advanceTimersByTimeAsync(60_000);
    expect([texts(), asks()]).toEqual([[], false]);
  });

  it('are sent whatever else is kept under their name', () => {
    ['null', '{', '{"clientId":"2","conversationId":"c","text":"a"}'].forEach((kept, index) => localStorage.setItem(KEY + index, kept));
    outgoing.close();
    outgoing = open();
    outgoing.send('c', 'one');
    expect(texts()).toEqual(['one']);
  });

  it('are left by a tab that was closed to one that is open', async () => {
    otherTab('a', item('a'));
    expect(texts()).toEqual([]); // the other tab has its chance
    await vi.advanceTimersByTimeAsync(3_000);
    expect(texts()).toEqual(['a']);
    expect(outgoing.written('c')).toBe(0); // so nothing scrolls here
  });

  it('are not touched when the other tab has sent them', async () => {
    otherTab('a', item('a'));
    otherTab('a', null);
    await vi.advanceTimersByTimeAsync(5_000);
    expect([texts(), call.mock.calls.length]).toEqual([[], 0]);
  });

  it('stay where they wait though another tab has sent them: the answer to this one says so', async () => {
    outgoing.send('c', 'here');
    const { clientId } = outgoing.items[0] as OutboxItem;
    otherTab(clientId, null);
    expect(texts()).toEqual(['here']);
    call.mockResolvedValue({ id: 'm', conversationId: 'c', seq: 1, createdAt: '' });
    outgoing.wake();
    await vi.advanceTimersByTimeAsync(0);
    outgoing.wake();
    await vi.advanceTimersByTimeAsync(0);
    expect([texts(), acknowledged.length]).toEqual([[], 1]);
  });

  it('that failed go when they are discarded in another tab', () => {
    localStorage.setItem(`${KEY}a`, JSON.stringify(item('a', 'failed')));
    outgoing.close();
    outgoing = open();
    otherTab('a', null);
    expect(texts()).toEqual([]);
  });
});
