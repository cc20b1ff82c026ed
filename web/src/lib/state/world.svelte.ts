import { createContext } from 'svelte';
import type { Client, Id, Me, Message, Push, Settings } from '../sdk';
import { useLanguage } from '../i18n';
import { Chats } from './chats.svelte';
import { Drafts } from './drafts.svelte';
import { Marks } from './marks';
import { Outgoing } from './outgoing.svelte';
import { People } from './people.svelte';
import { PresenceBoard } from './presence.svelte';
import { Recent } from './recent';
import { themeChoice } from './theme.svelte';
import { Threads } from './threads.svelte';
import { Typing } from './typing.svelte';
import { Users } from './users.svelte';

/** Everything that is known to the person who is signed in, kept true by pushes. */
export class World {
  me = $state.raw<Me>() as Me;
  /** False until everything missed has been delivered. */
  current = $state(false);
  /** Goes up when sessions were added or revoked. */
  sessionsChanged = $state(0);
  readonly users = new Users();
  readonly recent = new Recent();
  readonly typing = new Typing();
  readonly chats: Chats;
  readonly threads: Threads;
  readonly people: People;
  readonly presence: PresenceBoard;
  readonly marks: Marks;
  readonly drafts: Drafts;
  readonly outgoing: Outgoing;
  /** True while what is shown from before is loaded anew. */
  updating = $state(false);
  #loaded = false;

  constructor(
    readonly client: Client,
    me: Me,
  ) {
    this.me = me;
    this.#applySettings(me.settings);
    this.users.learn([me]);
    this.chats = new Chats(client, this.users, this.recent, me.id);
    this.threads = new Threads(client, this.users, this.recent);
    this.people = new People(client, this.users);
    this.presence = new PresenceBoard(client, me.id);
    this.marks = new Marks(client, this.chats);
    this.drafts = new Drafts(me.id);
    this.outgoing = new Outgoing(client, me.id, (message) => this.#took(message));
    this.outgoing.start();
  }

  linkChanged(online: boolean): void {
    if (online) this.presence.linked();
    else {
      this.current = false;
      this.presence.unlinked();
    }
  }

  /** After the first resume everything is loaded; pushes keep it true from then on. */
  caughtUp(): void {
    this.current = true;
    if (this.#loaded && this.chats.status === 'ready') return;
    this.#loaded = true;
    void this.#load();
  }

  /** The server no longer has what was missed of a topic. */
  resync(topic: string): void {
    const [kind, id] = topic.split(':') as [string, Id];
    if (kind === 'user') void this.#load();
    if (kind === 'conversation') {
      void this.chats.fetch(id).catch(() => undefined);
      void this.threads.opened(id)?.open(null);
    }
  }

  pushed(push: Push): void {
    this.recent.note(push);
    this.chats.apply(push);
    this.people.apply(push);
    switch (push.event) {
      case 'new_message':
        return this.#took(push.data);
      case 'conversation_removed':
        return this.threads.drop(push.data.conversationId);
      case 'typing':
        return this.typing.heard(push.data.conversationId, push.data.userId, push.data.active);
      case 'presence':
        return this.presence.heard(push.data);
      case 'profile_updated':
        return this.took(push.data);
      case 'settings_updated':
        return this.tookSettings(push.data);
      case 'session_added':
      case 'session_revoked':
        this.sessionsChanged += 1;
    }
  }

  took(me: Me): void {
    this.me = me;
    this.users.learn([me]);
    this.#applySettings(me.settings);
  }

  tookSettings(settings: Settings): void {
    this.me = { ...this.me, settings };
    this.#applySettings(settings);
  }

  close(): void {
    this.outgoing.close();
    this.marks.close();
    this.presence.close();
    this.typing.close();
  }

  /** Signed out by hand: leave nothing of this person on the device. */
  forget(): void {
    this.outgoing.close();
    this.outgoing.forget();
    this.drafts.forget();
  }

  #took(message: Message): void {
    this.chats.took(message);
    this.threads.opened(message.conversationId)?.took(message);
    if (message.clientId) this.outgoing.remove(message.clientId);
    if (message.senderId === this.me.id) return;
    this.typing.heard(message.conversationId, message.senderId, false);
    this.marks.delivered(message.conversationId, message.seq);
  }

  async #load(): Promise<void> {
    this.updating = this.chats.status === 'ready';
    await Promise.all([this.chats.load(), this.people.load(), this.people.loadBlocks()]);
    this.updating = false;
    for (const chat of this.chats.list) {
      if (chat.lastSeq > chat.deliveredSeq) this.marks.delivered(chat.id, chat.lastSeq);
    }
  }

  #applySettings(settings: Settings): void {
    themeChoice.use(settings.theme);
    void useLanguage(settings.language);
  }
}

/** The world of whoever is signed in, for every component below the shell. */
export const [getWorld, setWorld] = createContext<World>();
