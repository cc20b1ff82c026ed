import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { RequestError } from './errors';
import { Outbox, type OutboxItem, type OutboxStore } from './outbox';
import type { SentMessage } from './types';

function memory(): OutboxStore & { kept: Map<string, OutboxItem> } {
  const kept = new Map<string, OutboxItem>();
  return {
    kept,
    load: () => [...kept.values()],
    save: (item) => void kept.set(item.clientId, item),
    remove: (clientId) => void kept.delete(clientId),
  };
}

const item = (clientId: string, conversationId = 'hike'): OutboxItem => ({
  clientId,
  conversationId,
  text: clientId,
  createdAt: `2026-01-01T00:00:0${clientId.length}Z`,
  state: 'waiting',
  reason: null,
});

const refusal = (code: string, retry: boolean, retryAfter?: number): RequestError => new RequestError({ code, retry, retryAfter });

describe("Ana's outbox", () => {
  let store: ReturnType<typeof memory>;
  let asked: string[];
  let sent: string[];
  let now: readonly OutboxItem[];
  let answers: (() => Promise<SentMessage>)[];
  let outbox: Outbox;

  const done = (): Promise<SentMessage> => Promise.resolve({ id: 'm', conversationId: 'hike', seq: 1, createdAt: '' });

  function open(): Outbox {
    return new Outbox({
      store,
      send: (each) => {
        asked.push(each.clientId);
        return (answers.shift() ?? done)();
      },
      changed: (items) => (now = items),
      sent: (each) => sent.push(each.clientId),
      random: () => 0,
    });
  }

  beforeEach(() => {
    vi.useFakeTimers();
    store = memory();
    [asked, sent, now, answers] = [[], [], [], []];
    outbox = open();
  });
  afterEach(() => vi.useRealTimers());

  it('keeps a message until it is acknowledged, and not longer', async () => {
    outbox.add(item('a'));
    expect(store.kept.size).toBe(1);
    await vi.runAllTimersAsync();
    expect([sent, store.kept.size, now]).toEqual([['a'], 0, []]);
  });

  it('sends one conversation in order, and does not hold another up', async () => {
    answers.push(() => new Promise(() => undefined));
    outbox.add(item('a'));
    outbox.add(item('aa'));
    outbox.add(item('b', 'dinner'));
    await vi.runAllTimersAsync();
    expect(asked).toEqual(['a', 'b']);
  });

  it('tries again without end while there is no link', async () => {
    for (let round = 0; round < 20; round += 1) answers.push(() => Promise.reject(refusal('offline', true)));
    outbox.add(item('a'));
    await vi.advanceTimersByTimeAsync(30 * 60_000);
    expect(sent).toEqual(['a']);
  });

  it.each(['unavailable', 'too_many_requests', 'unauthenticated', 'timeout'])('never gives up for %s', async (code) => {
    for (let round = 0; round < 20; round += 1) answers.push(() => Promise.reject(refusal(code, code !== 'unauthenticated')));
    outbox.add(item('a'));
    await vi.advanceTimersByTimeAsync(30 * 60_000);
    expect(sent).toEqual(['a']);
  });

  it('sends at once when the link is back, however long it was away', async () => {
    for (let round = 0; round < 8; round += 1) answers.push(() => Promise.reject(refusal('offline', true)));
    outbox.add(item('a'));
    outbox.add(item('aa'));
    while (asked.length < 8) await vi.advanceTimersByTimeAsync(1_000);
    outbox.wake();
    await vi.advanceTimersByTimeAsync(0);
    expect(sent).toEqual(['a', 'aa']);
  });

  it('takes over what another tab has left, in its place, and writes it down nowhere else', async () => {
    answers.push(() => Promise.reject(refusal('offline', true)));
    outbox.add(item('aaa'));
    outbox.adopt(item('a'));
    expect(now.map((each) => each.clientId)).toEqual(['a', 'aaa']);
    expect([...store.kept.keys()]).toEqual(['aaa']);
    await vi.runAllTimersAsync();
    expect(sent.sort()).toEqual(['a', 'aaa']);
  });

  it('forgets what another tab has left once it is heard of', () => {
    store.save(item('a'));
    outbox.remove('a');
    expect(store.kept.size).toBe(0);
  });

  it('waits as long as the server asks', async () => {
    answers.push(() => Promise.reject(refusal('too_many_requests', true, 7)));
    outbox.add(item('a'));
    await vi.advanceTimersByTimeAsync(6_900);
    expect(asked).toHaveLength(1);
    await vi.advanceTimersByTimeAsync(200);
    expect(asked).toHaveLength(2);
  });

  it('fails at once what the server will never take, and goes on with the next', async () => {
    answers.push(() => Promise.reject(refusal('forbidden', false)));
    outbox.add(item('a'));
    outbox.add(item('aa'));
    await vi.runAllTimersAsync();
    expect(now.map((each) => [each.clientId, each.state, each.reason])).toEqual([['a', 'failed', 'forbidden']]);
    expect(sent).toEqual(['aa']);
  });

  it('gives up after some refusals, and starts anew when asked to', async () => {
    for (let round = 0; round < 6; round += 1) answers.push(() => Promise.reject(refusal('internal_error', true)));
    outbox.add(item('a'));
    await vi.runAllTimersAsync();
    expect(now[0]?.state).toBe('failed');
    outbox.retry('a');
    await vi.runAllTimersAsync();
    expect(sent).toEqual(['a']);
  });

  it('goes on after a reload where it was, in the order of writing', async () => {
    store.save(item('aa'));
    store.save(item('a'));
    open().start();
    await vi.runAllTimersAsync();
    expect(sent).toEqual(['a', 'aa']);
  });

  it('sends no more once it is closed, and keeps what is unsent', async () => {
    answers.push(() => Promise.reject(refusal('offline', true)));
    outbox.add(item('a'));
    await vi.advanceTimersByTimeAsync(0);
    outbox.close();
    await vi.runAllTimersAsync();
    expect([asked.length, store.kept.size]).toEqual([1, 1]);
  });

  it('does not send what was given up', async () => {
    answers.push(() => Promise.reject(refusal('offline', true)));
    outbox.add(item('a'));
    await vi.advanceTimersByTimeAsync(0);
    outbox.remove('a');
    await vi.runAllTimersAsync();
    expect(asked).toEqual(['a']);
  });
});
