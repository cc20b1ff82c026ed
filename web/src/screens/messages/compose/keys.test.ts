import { expect, it } from 'vitest';
import { sends } from './keys';

const enter = { key: 'Enter', shiftKey: false, isComposing: false, keyCode: 13 };

it('sends on Enter', () => expect(sends(enter)).toBe(true));
it('makes a new line on Shift+Enter', () => expect(sends({ ...enter, shiftKey: true })).toBe(false));
it('leaves the Enter that ends a composition to the input method', () => {
  expect(sends({ ...enter, isComposing: true })).toBe(false);
  expect(sends({ ...enter, keyCode: 229 })).toBe(false);
});
