// @vitest-environment happy-dom
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { watchWakes } from './wakes';

const wake = vi.fn();
const cut = vi.fn();
let stop: () => void;

beforeEach(() => {
  vi.useFakeTimers();
  for (const each of [wake, cut]) each.mockReset();
  stop = watchWakes({ wake, cut });
});
afterEach(() => {
  stop();
  vi.useRealTimers();
});

it.each([
  ['online', window],
  ['focus', window],
  ['pageshow', window],
  ['resume', document],
  ['visibilitychange', document],
])('wakes with %s', (event, target) => {
  target.dispatchEvent(new Event(event));
  expect(wake).toHaveBeenCalledTimes(1);
});

it('tells that the network is gone', () => {
  window.dispatchEvent(new Event('offline'));
  expect([wake.mock.calls.length, cut.mock.calls.length]).toEqual([0, 1]);
});

it('notices a sleep that nothing tells of: the clock has jumped between two ticks', () => {
  vi.advanceTimersByTime(60_000);
  expect(wake).not.toHaveBeenCalled();
  vi.setSystemTime(Date.now() + 8 * 3_600_000);
  vi.advanceTimersByTime(5_000);
  expect(wake).toHaveBeenCalledTimes(1);
});

it('hears nothing more once it is stopped', () => {
  stop();
  window.dispatchEvent(new Event('online'));
  vi.setSystemTime(Date.now() + 3_600_000);
  vi.advanceTimersByTime(60_000);
  expect(wake).not.toHaveBeenCalled();
});
