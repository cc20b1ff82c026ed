import type { Settings } from '../sdk';
import { keep, kept, unkeep } from './storage';

export type Theme = Settings['theme'];

const KEY = 'loopync.theme'; // read by public/theme.js before the first paint

function isTheme(value: string | null): value is Theme {
  return value === 'light' || value === 'dark' || value === 'system';
}

class ThemeChoice {
  #theme = $state<Theme>('system');

  constructor() {
    const before = kept(KEY);
    if (isTheme(before)) this.#theme = before;
  }

  get theme(): Theme {
    return this.#theme;
  }

  use(theme: Theme): void {
    this.#theme = theme;
    if (theme === 'system') {
      delete document.documentElement.dataset.theme;
      unkeep(KEY);
    } else {
      document.documentElement.dataset.theme = theme;
      keep(KEY, theme);
    }
  }
}

export const themeChoice = new ThemeChoice();
