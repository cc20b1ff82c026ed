import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { RequestError } from '../sdk';
import { Repairs } from './repairs';

const refusal = (code: string): RequestError => new RequestError({ code, retry: true });
let repairs: Repairs;

beforeEach(() => {
  vi.useFakeTimers();
  repairs = new Repairs(() => 0);
});
afterEach(() => void vi.useRealTimers());

it('tries until it succeeds', async () => {
  const work = vi.fn(() => Promise.resolve());
  for (let time = 0; time < 12; time += 1) work.mockRejectedValueOnce(refusal('unavailable'));
  repairs.add('list', work);
  await vi.advanceTimersByTimeAsync(10 * 60_000);
  expect(work).toHaveBeenCalledTimes(13);
});

it('tries again what the server failed at', async () => {
  const work = vi.fn(() => Promise.resolve()).mockRejectedValueOnce(refusal('internal_error'));
  repairs.add('list', work);
  await vi.advanceTimersByTimeAsync(60_000);
  expect(work).toHaveBeenCalledTimes(2);
});

it('tries at once when the link is back', async () => {
  const work = vi.fn(() => Promise.resolve()).mockRejectedValueOnce(refusal('offline'));
  repairs.add('list', work);
  await vi.advanceTimersByTimeAsync(0);
  repairs.wake();
  await vi.advanceTimersByTimeAsync(0);
  expect(work).toHaveBeenCalledTimes(2);
});

it('leaves what is refused for good', async () => {
  const work = vi.fn(() => Promise.reject(new RequestError({ code: 'not_found' })));
  repairs.add('list', work);
  await vi.advanceTimersByTimeAsync(60_000);
  expect(work).toHaveBeenCalledTimes(1);
});

it('does once more what is asked for while it is under way, and no more than that', async () => {
  const work = vi.fn(() => new Promise<void>((resolve) => setTimeout(resolve, 100)));
  for (let time = 0; time < 50; time += 1) repairs.add('list', work);
  await vi.advanceTimersByTimeAsync(10_000);
  expect(work).toHaveBeenCalledTimes(2);
});

it('stops when it is closed', async () => {
  const work = vi.fn(() => Promise.reject(refusal('offline')));
  repairs.add('list', work);
  await vi.advanceTimersByTimeAsync(0);
  repairs.close();
  await vi.advanceTimersByTimeAsync(60_000);
  expect(work).toHaveBeenCalledTimes(1);
});
