// What one may do with another person, each with its words and, where it can be, its Undo.
import { t } from '../../lib/i18n';
import type { UserSummary } from '../../lib/sdk';
import { act } from '../../lib/state/act';
import { toasts } from '../../lib/state/toasts.svelte';
import type { World } from '../../lib/state/world.svelte';

const undo = (run: () => unknown): { label: string; run: () => void } => ({ label: t('action.undo'), run: () => void run() });

export const request = (world: World, user: UserSummary): Promise<boolean> =>
  act(
    () => world.people.friendship('request_friend', user),
    t('friend.requested', { name: user.name }),
    undo(() => act(() => world.people.friendship('cancel_friend_request', user))),
  );

export const cancel = (world: World, user: UserSummary): Promise<boolean> =>
  act(
    () => world.people.friendship('cancel_friend_request', user),
    t('friend.cancelled', { name: user.name }),
    undo(() => act(() => world.people.friendship('request_friend', user))),
  );

export const accept = (world: World, user: UserSummary): Promise<boolean> =>
  act(() => world.people.friendship('accept_friend', user), t('friend.accepted', { name: user.name }));

export const decline = (world: World, user: UserSummary): Promise<boolean> =>
  act(() => world.people.friendship('decline_friend', user), t('friend.declined', { name: user.name }));

/** The other would have to agree again, so it is done only once the time for Undo is over. */
export function remove(world: World, user: UserSummary): void {
  const commit = (): void => void act(() => world.people.friendship('remove_friend', user));
  toasts.later(t('friend.removed', { name: user.name }), t('action.undo'), commit, () => undefined);
}

export const block = (world: World, user: UserSummary): Promise<boolean> =>
  act(
    () => world.people.block(user),
    t('friend.blocked', { name: user.name }),
    undo(() => act(() => world.people.unblock(user))),
  );

export const unblock = (world: World, user: UserSummary): Promise<boolean> =>
  act(() => world.people.unblock(user), t('friend.unblocked', { name: user.name }));
