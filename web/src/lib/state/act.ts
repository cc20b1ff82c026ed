import { refusalWords } from '../i18n';
import { toasts } from './toasts.svelte';

/** Does something a person asked for: says that it worked, or in words why not. Answers whether it did. */
export async function act(work: () => Promise<unknown>, done = '', undo: { label: string; run: () => void } | null = null): Promise<boolean> {
  try {
    await work();
    if (done) toasts.show(done, { action: undo });
    return true;
  } catch (error) {
    toasts.show(refusalWords(error), { tone: 'bad' });
    return false;
  }
}
