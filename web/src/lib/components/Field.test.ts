// @vitest-environment happy-dom
import { render, screen } from '@testing-library/svelte';
import { expect, it } from 'vitest';
import Field from './Field.svelte';

it('says its error beside the input in place of the hint, and tells screen readers which input it is of', () => {
  render(Field, { label: 'Handle', value: 'x', hint: 'Letters and digits.', error: 'Somebody has it.' });
  const input = screen.getByLabelText('Handle');
  const described = (input.getAttribute('aria-describedby') ?? '').split(' ').map((id) => document.getElementById(id)?.textContent);
  expect(described).toEqual(['Somebody has it.']);
  expect(input.getAttribute('aria-invalid')).toBe('true');
});
