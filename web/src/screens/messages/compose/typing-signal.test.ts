import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { TypingSignal } from './typing-signal';

let told: boolean[];
let signal: TypingSignal;

beforeEach(() => {
  vi.useFakeTimers();
  told = [];
  signal = new TypingSignal((active) => told.push(active));
});
afterEach(() => vi.useRealTimers());

it('tells every three seconds while it lasts, however fast one types', () => {
  for (let key = 0; key < 70; key += 1) {
    signal.typed();
    vi.advanceTimersByTime(100);
  }
  expect(told).toEqual([true, true, true]);
});

it('tells the end after a pause, once', () => {
  signal.typed();
  vi.advanceTimersByTime(20_000);
  expect(told).toEqual([true, false]);
});

it('leaves the end to the message itself', () => {
  signal.typed();
  signal.sent();
  vi.advanceTimersByTime(20_000);
  expect(told).toEqual([true]);
});
