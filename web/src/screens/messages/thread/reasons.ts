import { t, refusalWords } from '../../../lib/i18n';
import { RequestError } from '../../../lib/sdk';

/** Why a message could not be sent, from the code its outbox item carries. */
export function reasonWords(code: string | null): string {
  return code ? refusalWords(new RequestError({ code })) : t('refusal.unknown');
}
