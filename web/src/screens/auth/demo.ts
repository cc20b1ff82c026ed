/** The accounts of a fresh install on one's own machine; the server says with `demo` whether they exist. */
export const demoAccounts = [
  { name: 'Ana', handle: 'ana', password: 'loopync-demo-2026' },
  { name: 'Ben', handle: 'ben', password: 'loopync-demo-2026' },
  { name: 'Chloe', handle: 'chloe', password: 'loopync-demo-2026' },
];
