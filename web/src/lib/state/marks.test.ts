import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { RequestError, type Client, type Conversation } from '../sdk';
import type { Chats } from './chats.svelte';
import { Marks } from './marks';

const call = vi.fn();
const renew = vi.fn();
let chat: Conversation;
let marks: Marks;

beforeEach(() => {
  vi.useFakeTimers();
  call.mockReset().mockImplementation((_, { seq }: { seq: number }) => Promise.resolve({ readSeq: seq, unreadCount: 0 }));
  chat = { readSeq: 0, lastSeq: 9, unreadCount: 9 } as Conversation;
  renew.mockReset();
  const chats = { get: () => chat, read: () => undefined, renew } as unknown as Chats;
  marks = new Marks({ call } as unknown as Client, chats);
});
afterEach(() => void vi.useRealTimers());

const told = (): unknown[] => call.mock.calls.map(([name, { seq }]) => [name, seq]);

it('gathers what is read in a little while, and tells the furthest', () => {
  for (const seq of [2, 5, 4]) marks.read('c', seq);
  marks.delivered('c', 5);
  expect(told()).toEqual([]);
  vi.advanceTimersByTime(1_000);
  expect(told()).toEqual([['mark_read', 5], ['mark_delivered', 5]]);
});

it('tells at once when the page goes, and then nothing more', () => {
  marks.read('c', 5);
  marks.flush();
  expect(told()).toEqual([['mark_read', 5]]);
  vi.advanceTimersByTime(1_000);
  expect(told()).toHaveLength(1);
});

it('gathers anew after that', () => {
  marks.flush();
  marks.read('c', 7);
  vi.advanceTimersByTime(1_000);
  expect(told()).toEqual([['mark_read', 7]]);
});

it('tells again what could not be told, unless a later mark has been noted since', async () => {
  call.mockRejectedValueOnce(new RequestError({ code: 'timeout', retry: true }));
  marks.read('c', 5);
  await vi.advanceTimersByTimeAsync(1_000);
  marks.read('c', 7);
  await vi.advanceTimersByTimeAsync(10_000);
  expect(told()).toEqual([['mark_read', 5], ['mark_read', 7]]);
});

it('tells again what the server failed at', async () => {
  call.mockRejectedValueOnce(new RequestError({ code: 'internal_error', retry: true }));
  marks.read('c', 5);
  await vi.advanceTimersByTimeAsync(10_000);
  expect(told()).toEqual([['mark_read', 5], ['mark_read', 5]]);
});

it('does not repeat what the server refuses for good', async () => {
  call.mockRejectedValueOnce(new RequestError({ code: 'not_found' }));
  marks.delivered('c', 5);
  await vi.advanceTimersByTimeAsync(60_000);
  expect(told()).toHaveLength(1);
});

it('asks for a snapshot when some are left, and takes no count that may have been made before or after a push', async () => {
  marks.read('c', 5);
  await vi.advanceTimersByTimeAsync(1_000);
  expect(renew).toHaveBeenCalledTimes(1);
  chat = { ...chat, readSeq: 9, unreadCount: 0 };
  marks.read('c', 12);
  await vi.advanceTimersByTimeAsync(1_000);
  expect(renew).toHaveBeenCalledTimes(1);
});
