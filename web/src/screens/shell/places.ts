import MessageCircle from '@lucide/svelte/icons/message-circle';
import Settings from '@lucide/svelte/icons/settings';
import UsersRound from '@lucide/svelte/icons/users-round';
import type { Component } from 'svelte';
import type { PlainKey } from '../../lib/i18n';
import type { World } from '../../lib/state/world.svelte';
import { routes } from '../../routes';

export interface PlaceEntry {
  id: 'messages' | 'people' | 'settings';
  label: PlainKey;
  href: string;
  icon: Component<{ size?: number; strokeWidth?: number }>;
  badge: (world: World) => number;
}

/** What stands in the rail and in the bottom bar. A place appears here once it works. */
export const places: PlaceEntry[] = [
  { id: 'messages', label: 'place.messages', href: routes.messages, icon: MessageCircle, badge: (world) => world.chats.unreadChats },
  { id: 'people', label: 'place.people', href: routes.people, icon: UsersRound, badge: (world) => world.people.incoming.length },
  { id: 'settings', label: 'place.settings', href: routes.settings, icon: Settings, badge: () => 0 },
];
