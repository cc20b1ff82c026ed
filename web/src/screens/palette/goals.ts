import Keyboard from '@lucide/svelte/icons/keyboard';
import SquarePen from '@lucide/svelte/icons/square-pen';
import UserRoundPlus from '@lucide/svelte/icons/user-round-plus';
import UsersRound from '@lucide/svelte/icons/users-round';
import type { Component } from 'svelte';
import { t, type PlainKey } from '../../lib/i18n';
import type { UserSummary } from '../../lib/sdk';
import type { World } from '../../lib/state/world.svelte';
import { router } from '../../router.svelte';
import { matches } from '../messages/list/filter';
import { sections } from '../settings/sections';
import { overlays } from '../shell/overlays.svelte';

export interface Goal {
  key: string;
  /** Whose colour the picture has. */
  avatar: string;
  section: PlainKey;
  name: string;
  line: string;
  group: boolean;
  icon: Component<{ size?: number }> | null;
  go: () => void;
}

const EACH_MAX = 6;

/** Where what was typed may lead: chats, people, then actions. */
export function goalsOf(world: World, query: string, found: readonly UserSummary[]): Goal[] {
  return [...chats(world, query), ...people(world, query, found), ...actions(query)];
}

function chats(world: World, query: string): Goal[] {
  const hits = world.chats.list.filter((chat) => matches(world.chats.title(chat), query)).slice(0, EACH_MAX);
  return hits.map((chat) => {
    const group = chat.kind === 'group';
    const other = world.chats.other(chat)?.user;
    return {
      key: chat.id,
      avatar: other && !group ? other.id : chat.id,
      section: 'palette.chats',
      name: world.chats.title(chat),
      line: group ? t('info.members', { count: chat.membersCount }) : `@${other?.handle ?? ''}`,
      group,
      icon: null,
      go: () => router.to('thread', { conversationId: chat.id }),
    };
  });
}

function people(world: World, query: string, found: readonly UserSummary[]): Goal[] {
  if (query.trim() === '') return [];
  const known = world.people.friends.filter((user) => matches(`${user.name} ${user.handle}`, query));
  const seen = new Set<string>();
  const hits = [...known, ...found].filter((user) => !seen.has(user.id) && seen.add(user.id)).slice(0, EACH_MAX);
  return hits.map((user) => ({
    key: `person ${user.id}`,
    avatar: user.id,
    section: 'palette.people',
    name: user.name,
    line: `@${user.handle}`,
    group: false,
    icon: null,
    go: () => router.to('profile', { userId: user.id }),
  }));
}

function actions(query: string): Goal[] {
  const all: [string, Goal['icon'], () => void][] = [
    [t('chats.new'), SquarePen, () => router.to('newChat')],
    [t('chats.newGroup'), UsersRound, () => router.to('newGroup')],
    [t('people.find'), UserRoundPlus, () => router.to('peopleSearch')],
    ...sections.map((each): [string, Goal['icon'], () => void] => [t(each.title), each.icon, () => router.to(each.route)]),
    [t('palette.shortcuts'), Keyboard, () => overlays.toggle('shortcuts')],
  ];
  return all
    .filter(([name]) => matches(name, query))
    .map(([name, icon, go]) => ({ key: `action ${name}`, avatar: '', section: 'palette.actions', name, line: '', group: false, icon, go }));
}
