import { expect, it } from 'vitest';
import { handleFault, handleFrom, passwordFault } from './rules';

it('proposes a handle that can be had, whatever the name', () => {
  expect(handleFrom('Ana María López')).toBe('ana.maria.lopez');
  expect(handleFrom('  42 Øyvind ')).toBe('yvind');
  expect(handleFrom('فاطمة')).toBe('');
});

it('refuses the handles that the server would refuse', () => {
  expect(['ana', 'a.b_9', 'Ana'].map(handleFault)).toEqual(['', '', '']);
  for (const wrong of ['', 'an', '9ana', 'ana-b', 'a'.repeat(31), 'añ']) expect(handleFault(wrong)).not.toBe('');
});

it('refuses passwords that are short or say who one is', () => {
  expect(passwordFault('correct horse', { handle: 'ana', email: 'lopez@x.example' })).toBe('');
  expect(passwordFault('short')).not.toBe('');
  expect(passwordFault('i am LOPEZ 42', { email: 'lopez@x.example' })).not.toBe('');
});
