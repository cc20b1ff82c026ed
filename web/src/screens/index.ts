// Every screen is a chunk of its own, loaded when it is first shown.

export const screens = {
  login: () => import('./auth/Login.svelte'),
  signup: () => import('./auth/Signup.svelte'),
  shell: () => import('./shell/Shell.svelte'),
  messages: () => import('./messages/Messages.svelte'),
  people: () => import('./people/People.svelte'),
  settings: () => import('./settings/Settings.svelte'),
  palette: () => import('./palette/Palette.svelte'),
  shortcuts: () => import('./palette/Shortcuts.svelte'),
};
