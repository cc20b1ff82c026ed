// @vitest-environment happy-dom
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { longPress } from './longpress';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

function finger(type: string, { x = 0, pointerType = 'touch' } = {}): PointerEvent {
  return new PointerEvent(type, { pointerType, isPrimary: true, clientX: x, clientY: 0, bubbles: true, cancelable: true });
}

function pressed(...events: PointerEvent[]): number {
  const run = vi.fn();
  const node = document.createElement('div');
  longPress(run)(node);
  for (const event of events) node.dispatchEvent(event);
  vi.advanceTimersByTime(1_000);
  return run.mock.calls.length;
}

it('takes a finger that rests for a long press', () => {
  expect(pressed(finger('pointerdown'), finger('pointermove', { x: 4 }))).toBe(1);
});

it('takes neither a tap, nor a scroll, nor a mouse for one', () => {
  expect(pressed(finger('pointerdown'), finger('pointerup'))).toBe(0);
  expect(pressed(finger('pointerdown'), finger('pointermove', { x: 40 }))).toBe(0);
  expect(pressed(finger('pointerdown', { pointerType: 'mouse' }))).toBe(0);
});
