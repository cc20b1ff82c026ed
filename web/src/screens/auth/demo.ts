/** The accounts of a fresh install on one's own machine; the server says with `demo` whether they exist. */
export const demoAccounts = [
  { name: 'Ana', handle: 'ana', password: 'loopync-demo' },
  { name: 'Ben', handle: 'ben', password: 'loopync-demo' },
];
