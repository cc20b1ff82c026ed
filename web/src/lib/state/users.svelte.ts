import { SvelteMap } from 'svelte/reactivity';
import type { Id, UserSummary } from '../sdk';
import { t } from '../i18n';

/** The names of everyone seen so far, so that one name changes everywhere at once. */
export class Users {
  readonly #byId = new SvelteMap<Id, UserSummary>();

  learn(users: readonly UserSummary[]): void {
    for (const user of users) {
      const known = this.#byId.get(user.id);
      if (known && known.name === user.name && known.handle === user.handle) continue;
      this.#byId.set(user.id, { id: user.id, handle: user.handle, name: user.name });
    }
  }

  get(id: Id): UserSummary | undefined {
    return this.#byId.get(id);
  }

  name(id: Id): string {
    return this.#byId.get(id)?.name ?? t('people.someone');
  }

  all(): UserSummary[] {
    return [...this.#byId.values()];
  }
}
