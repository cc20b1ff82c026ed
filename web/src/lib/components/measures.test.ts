import { expect, it } from 'vitest';
import { Measures } from './measures';

const rows = ['a', 'b', 'c', 'd'].map((key) => ({ key }));

it('takes the estimate until a row is measured', () => {
  const measures = new Measures();
  measures.set('b', 100);
  expect([...measures.offsets(rows, () => 10)]).toEqual([0, 10, 110, 120, 130]);
});

it('finds the row at a height, within the bounds', () => {
  const measures = new Measures();
  const offsets = measures.offsets(rows, () => 10);
  expect([-50, 0, 9, 10, 35, 400].map((at) => measures.indexAt(offsets, at))).toEqual([0, 0, 0, 1, 3, 3]);
});

it('says whether a height is news', () => {
  const measures = new Measures();
  expect([measures.set('a', 40), measures.set('a', 40.2), measures.set('a', 41), measures.set('a', 0)]).toEqual([true, false, true, false]);
});
