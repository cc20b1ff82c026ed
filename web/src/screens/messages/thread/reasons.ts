import { t, refusalWords } from '../../../lib/i18n';
import { RequestError } from '../../../lib/sdk';

/** What a person who was blocked or removed meanwhile is answered. */
const CLOSED = new Set(['forbidden', 'not_found']);

/** Why a message could not be sent, from the code its outbox item carries. */
export function reasonWords(code: string | null): string {
  if (code && CLOSED.has(code)) return t('message.closed');
  return code ? refusalWords(new RequestError({ code })) : t('refusal.unknown');
}
