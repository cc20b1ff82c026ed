import { SvelteMap } from 'svelte/reactivity';
import { userTopic, type Client, type FriendRequest, type Friendship, type Id, type Profile, type Push, type UserSummary } from '../sdk';
import type { Loading } from './chats.svelte';
import type { Recent } from './recent';
import type { Users } from './users.svelte';

const PAGE = 100;

type FriendVerb = 'request_friend' | 'accept_friend' | 'decline_friend' | 'cancel_friend_request' | 'remove_friend';

/** Friends, requests, blocks and the profiles looked at. */
export class People {
  friends = $state.raw<readonly UserSummary[]>([]);
  incoming = $state.raw<readonly FriendRequest[]>([]);
  outgoing = $state.raw<readonly FriendRequest[]>([]);
  blocked = $state.raw<readonly UserSummary[]>([]);
  status = $state<Loading>('loading');
  blocksStatus = $state<Loading>('loading');
  readonly #profiles = new SvelteMap<Id, Profile>();

  constructor(
    private readonly client: Client,
    private readonly users: Users,
    private readonly recent: Recent,
    private readonly meId: Id,
  ) {}

  /** Throws what the server said, which is shown while there is nothing else to show. */
  async load(): Promise<void> {
    const heard = this.recent.tip(userTopic(this.meId));
    try {
      const [friends, { incoming, outgoing }] = await Promise.all([
        this.#allFriends(),
        this.client.call('list_friend_requests', {}),
      ]);
      this.users.learn(friends);
      this.users.learn([...incoming, ...outgoing].map((request) => request.user));
      [this.friends, this.incoming, this.outgoing] = [friends, incoming, outgoing];
      this.status = 'ready';
      this.#join(heard);
    } catch (error) {
      if (this.status !== 'ready') this.status = 'error';
      throw error;
    }
  }

  async #allFriends(): Promise<UserSummary[]> {
    const friends: UserSummary[] = [];
    let cursor: string | null = null;
    do {
      const page: { users: UserSummary[]; nextCursor: string | null } = await this.client.call(
        'list_friends',
        cursor ? { limit: PAGE, cursor } : { limit: PAGE },
      );
      friends.push(...page.users);
      cursor = page.nextCursor;
    } while (cursor);
    return friends;
  }

  /** Throws what the server said, which is shown while there is nothing else to show. */
  async loadBlocks(): Promise<void> {
    const heard = this.recent.tip(userTopic(this.meId));
    try {
      this.blocked = (await this.client.call('list_blocks', {})).users;
      this.users.learn(this.blocked);
      this.blocksStatus = 'ready';
      this.#join(heard);
    } catch (error) {
      if (this.blocksStatus !== 'ready') this.blocksStatus = 'error';
      throw error;
    }
  }

  /** Puts on top of a snapshot what was heard since it was asked for: each says how one person stands now. */
  #join(heard: number): void {
    for (const push of this.recent.after(userTopic(this.meId), heard)) this.apply(push);
  }

  profile(userId: Id): Profile | undefined {
    return this.#profiles.get(userId);
  }

  /** Throws what the server said; `not_found` also for people one may not see. */
  async loadProfile(userId: Id): Promise<void> {
    try {
      const profile = await this.client.call('get_user', { userId });
      this.users.learn([profile]);
      this.#profiles.set(userId, profile);
    } catch (error) {
      if ((error as { code?: string }).code === 'not_found') this.#profiles.delete(userId);
      throw error;
    }
  }

  async friendship(verb: FriendVerb, user: UserSummary): Promise<void> {
    const { friendship } = await this.client.call(verb, { userId: user.id });
    this.#became(user, friendship);
    if (this.#profiles.has(user.id)) void this.loadProfile(user.id).catch(() => undefined);
  }

  async block(user: UserSummary): Promise<void> {
    await this.client.call('block_user', { userId: user.id });
    this.#blockedNow(user, true);
  }

  async unblock(user: UserSummary): Promise<void> {
    await this.client.call('unblock_user', { userId: user.id });
    this.#blockedNow(user, false);
    if (this.#profiles.has(user.id)) void this.loadProfile(user.id).catch(() => undefined);
  }

  apply(push: Push): void {
    switch (push.event) {
      case 'friend_requested': {
        const { user, direction, createdAt } = push.data;
        this.users.learn([user]);
        return this.#became(user, direction === 'incoming' ? 'incoming' : 'requested', createdAt);
      }
      case 'friend_request_removed':
      case 'friend_removed':
        return this.#became({ id: push.data.userId, name: '', handle: '' }, 'none');
      case 'friend_added':
        this.users.learn([push.data.user]);
        this.#became(push.data.user, 'friends');
        if (this.#profiles.has(push.data.user.id)) void this.loadProfile(push.data.user.id).catch(() => undefined);
        return;
      case 'user_blocked':
        return this.#blockedNow(push.data.user, true);
      case 'user_unblocked':
        return this.#blockedNow(push.data.user, false);
    }
  }

  #became(user: UserSummary, friendship: Friendship, createdAt = new Date().toISOString()): void {
    const others = <T>(list: readonly T[], id: (item: T) => Id): T[] => list.filter((item) => id(item) !== user.id);
    this.friends = others(this.friends, (friend) => friend.id);
    this.incoming = others(this.incoming, (request) => request.user.id);
    this.outgoing = others(this.outgoing, (request) => request.user.id);
    if (friendship === 'friends') this.friends = [user, ...this.friends];
    if (friendship === 'incoming') this.incoming = [{ user, createdAt }, ...this.incoming];
    if (friendship === 'requested') this.outgoing = [{ user, createdAt }, ...this.outgoing];
    const profile = this.#profiles.get(user.id);
    if (profile) this.#profiles.set(user.id, { ...profile, friendship });
  }

  #blockedNow(user: UserSummary, blocked: boolean): void {
    this.users.learn([user]);
    this.blocked = this.blocked.filter((each) => each.id !== user.id);
    if (blocked) {
      this.#became(user, 'none');
      this.blocked = [user, ...this.blocked];
    }
    const profile = this.#profiles.get(user.id);
    if (profile) this.#profiles.set(user.id, { ...profile, blocked, mayMessage: profile.mayMessage && !blocked });
  }
}
