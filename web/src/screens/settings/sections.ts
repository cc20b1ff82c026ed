import KeyRound from '@lucide/svelte/icons/key-round';
import Languages from '@lucide/svelte/icons/languages';
import Lock from '@lucide/svelte/icons/lock';
import MonitorSmartphone from '@lucide/svelte/icons/monitor-smartphone';
import Palette from '@lucide/svelte/icons/palette';
import ShieldBan from '@lucide/svelte/icons/shield-ban';
import UserRound from '@lucide/svelte/icons/user-round';
import type { Component } from 'svelte';
import type { PlainKey } from '../../lib/i18n';
import type { RouteName } from '../../routes';
import Appearance from './Appearance.svelte';
import Blocked from './Blocked.svelte';
import EditProfile from './EditProfile.svelte';
import Language from './Language.svelte';
import Password from './Password.svelte';
import Privacy from './Privacy.svelte';
import Sessions from './Sessions.svelte';

export interface Section {
  route: RouteName;
  title: PlainKey;
  text: PlainKey;
  icon: Component<{ size?: number }>;
  screen: Component;
}

export const sections: Section[] = [
  { route: 'settingsProfile', title: 'settings.profile', text: 'settings.profileText', icon: UserRound, screen: EditProfile },
  { route: 'settingsPrivacy', title: 'settings.privacy', text: 'settings.privacyText', icon: Lock, screen: Privacy },
  { route: 'settingsAppearance', title: 'settings.appearance', text: 'settings.appearanceText', icon: Palette, screen: Appearance },
  { route: 'settingsLanguage', title: 'settings.language', text: 'settings.languageText', icon: Languages, screen: Language },
  { route: 'settingsPassword', title: 'settings.password', text: 'settings.passwordText', icon: KeyRound, screen: Password },
  { route: 'settingsSessions', title: 'settings.sessions', text: 'settings.sessionsText', icon: MonitorSmartphone, screen: Sessions },
  { route: 'settingsBlocked', title: 'settings.blocked', text: 'settings.blockedText', icon: ShieldBan, screen: Blocked },
];
