import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import type { Client, Conversation } from '../sdk';
import type { Chats } from './chats.svelte';
import { Marks } from './marks';

const call = vi.fn();
let marks: Marks;

beforeEach(() => {
  vi.useFakeTimers();
  call.mockReset().mockImplementation((_, { seq }: { seq: number }) => Promise.resolve({ readSeq: seq, unreadCount: 0 }));
  const chats = { get: () => ({ readSeq: 0, lastSeq: 9 }) as Conversation, read: () => undefined } as unknown as Chats;
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
