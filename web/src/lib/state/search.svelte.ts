import type { Client, UserSummary } from '../sdk';
import type { Users } from './users.svelte';

const PAUSE_MS = 220;
const PAGE = 30;

/** People found while someone types: asked after a short pause, and only the last answer counts. */
export class PeopleSearch {
  found = $state.raw<readonly UserSummary[]>([]);
  status = $state<'idle' | 'loading' | 'ready' | 'error'>('idle');
  /** What `found` answers. */
  answered = $state('');
  hasMore = $state(false);
  #cursor: string | null = null;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #asked = '';

  constructor(
    private readonly client: Client,
    private readonly users: Users,
  ) {}

  type(text: string): void {
    const query = text.trim().replace(/^@+/, '');
    if (query === this.#asked) return;
    clearTimeout(this.#timer);
    this.#asked = query;
    if (query === '') {
      this.found = [];
      this.answered = '';
      this.status = 'idle';
      return;
    }
    this.status = 'loading';
    this.#timer = setTimeout(() => void this.#ask(query, null), PAUSE_MS);
  }

  again(): void {
    this.status = 'loading';
    void this.#ask(this.#asked, null);
  }

  more(): void {
    if (this.#cursor && this.status === 'ready') void this.#ask(this.#asked, this.#cursor);
  }

  async #ask(query: string, cursor: string | null): Promise<void> {
    try {
      const body = { query, limit: PAGE, ...(cursor ? { cursor } : {}) };
      const { users, nextCursor } = await this.client.call('search_users', body);
      if (query !== this.#asked) return;
      this.users.learn(users);
      this.found = cursor ? [...this.found, ...users] : users;
      this.#cursor = nextCursor;
      this.hasMore = nextCursor !== null;
      this.answered = query;
      this.status = 'ready';
    } catch {
      if (query === this.#asked) this.status = 'error';
    }
  }
}
