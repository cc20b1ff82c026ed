import { createContext } from 'svelte';
import { conversationTopic, userTopic, type Client, type Id, type Me, type Message, type Push, type Settings } from '../sdk';
import { useLanguage } from '../i18n';
import { Chats } from './chats.svelte';
import { Drafts } from './drafts.svelte';
import { Marks } from './marks';
import { Outgoing } from './outgoing.svelte';
import { People } from './people.svelte';
import { PresenceBoard } from './presence.svelte';
import { Recent } from './recent';
import { Repairs } from './repairs';
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
  readonly repairs = new Repairs();
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
    this.chats = new Chats(client, this.users, this.recent, this.repairs, me.id);
    this.threads = new Threads(client, this.users, this.recent, this.repairs);
    this.people = new People(client, this.users, this.recent, me.id);
    this.presence = new PresenceBoard(client, me.id);
    this.marks = new Marks(client, this.chats);
    this.drafts = new Drafts(me.id);
    this.outgoing = new Outgoing(client, me.id, (message) => this.#acknowledged(message));
    this.outgoing.start();
  }

  linkChanged(online: boolean): void {
    if (online) {
      this.presence.linked();
      this.outgoing.wake();
      this.repairs.wake();
    } else {
      this.current = false;
      this.presence.unlinked();
    }
  }

  /** After the first resume everything is loaded; pushes keep it true from then on. */
  caughtUp(gone: readonly string[] = []): void {
    for (const topic of gone) this.#left(topic.slice(conversationTopic('').length));
    this.current = true;
    this.threads.resume();
    if (this.#loaded) return;
    this.#loaded = true;
    this.reload();
  }

  /** The server no longer has what was missed of a topic. */
  resync(topic: string): void {
    const [kind, id] = topic.split(':') as [string, Id];
    if (kind === 'user') {
      this.repairs.add('me', () => this.#loadMe());
      return this.reload();
    }
    this.repairs.add(`resync ${id}`, async () => {
      await this.chats.fetch(id);
      this.#arrived(id);
    });
    this.threads.opened(id)?.fallBehind();
  }

  /** Loads anew what the list, the people and the profile show, however long it takes. */
  reload(): void {
    this.updating = this.chats.status === 'ready';
    for (const part of [this.chats, this.people]) if (part.status === 'error') part.status = 'loading';
    this.repairs.add('world', () => this.#load());
    this.repairs.wake();
  }

  pushed(push: Push): void {
    this.recent.note(push);
    this.chats.apply(push);
    this.people.apply(push);
    switch (push.event) {
      case 'new_message':
        return this.#heard(push.data);
      case 'conversation_removed':
        return this.#left(push.data.conversationId);
      case 'typing':
        return this.typing.heard(push.data.conversationId, push.data.userId, push.data.active);
      case 'presence':
        return this.presence.heard(push.data);
      case 'session_added':
      case 'session_revoked':
        this.sessionsChanged += 1;
        return;
      default:
        return this.#mine(push);
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
    this.repairs.close();
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

  #heard(message: Message): void {
    this.#shown(message, false);
    if (message.senderId === this.me.id) return;
    this.typing.heard(message.conversationId, message.senderId, false);
    this.marks.delivered(message.conversationId, message.seq);
  }

  #acknowledged(message: Message): void {
    this.chats.acknowledged(message);
    this.#shown(message, true);
  }

  #shown(message: Message, acknowledged: boolean): void {
    this.threads.opened(message.conversationId)?.took(message, acknowledged);
    if (message.clientId) this.outgoing.remove(message.clientId);
  }

  #mine(push: Push): void {
    if (push.event === 'profile_updated') this.took(push.data);
    if (push.event === 'settings_updated') this.tookSettings(push.data);
  }

  #left(conversationId: Id): void {
    this.chats.drop(conversationId);
    this.threads.drop(conversationId);
  }

  async #load(): Promise<void> {
    const loads = [this.chats.load(), this.people.load(), this.people.loadBlocks()];
    const refused = (await Promise.allSettled(loads)).find((result) => result.status === 'rejected');
    this.updating = false;
    for (const chat of this.chats.list) this.#arrived(chat.id);
    if (refused) throw refused.reason;
  }

  async #loadMe(): Promise<void> {
    const me = await this.client.call('get_me', {});
    this.took(me);
    for (const push of this.recent.after(userTopic(me.id), me.topicSeq ?? 0)) this.#mine(push);
  }

  /** Tells that what a snapshot brought is here. */
  #arrived(conversationId: Id): void {
    const chat = this.chats.get(conversationId);
    if (chat && chat.lastSeq > chat.deliveredSeq) this.marks.delivered(chat.id, chat.lastSeq);
  }

  #applySettings(settings: Settings): void {
    themeChoice.use(settings.theme);
    void useLanguage(settings.language);
  }
}

/** The world of whoever is signed in, for every component below the shell. */
export const [getWorld, setWorld] = createContext<World>();
