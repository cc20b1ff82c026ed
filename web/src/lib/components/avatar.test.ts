import { expect, it } from 'vitest';
import { colourOf, initialsOf } from './avatar';

it('takes the first letters of the first and the last word, whatever the script', () => {
  expect(['Ana María Lopez', 'ben', 'فاطمة الزهراء', '👩‍🚀 Zoe', '  '].map(initialsOf)).toEqual(['AL', 'B', 'فا', '👩‍🚀Z', '']);
});

it('gives a person the same colour each time', () => {
  expect(colourOf('ana')).toBe(colourOf('ana'));
  expect(colourOf('ana')).toBeLessThan(8);
});
