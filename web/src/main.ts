import './lib/design/fonts.css';
import './lib/design/tokens.css';
import './lib/design/base.css';
import { mount } from 'svelte';
import App from './App.svelte';
import { startLanguage } from './lib/i18n';

// Nothing is drawn in one language only to be drawn again in another.
void startLanguage().then(() => mount(App, { target: document.getElementById('app') as HTMLElement }));
