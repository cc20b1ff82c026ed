import { t } from '../../../lib/i18n';
import type { OutboxItem } from '../../../lib/sdk';
import { toasts } from '../../../lib/state/toasts.svelte';
import type { World } from '../../../lib/state/world.svelte';

export async function copy(text: string): Promise<void> {
  try {
    await navigator.clipboard.writeText(text);
    toasts.show(t('message.copied'));
  } catch {
    toasts.show(t('message.copyFailed'), { tone: 'bad' });
  }
}

export function discard(world: World, item: OutboxItem): void {
  world.outgoing.remove(item.clientId);
  const undo = { label: t('action.undo'), run: () => world.outgoing.send(item.conversationId, item.text) };
  toasts.show(t('message.discarded'), { action: undo });
}
