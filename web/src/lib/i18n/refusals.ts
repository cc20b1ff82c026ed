import { RequestError } from '../sdk';
import { t, type Key } from './i18n.svelte';

const general: Record<string, Key> = {
  offline: 'refusal.offline',
  timeout: 'refusal.timeout',
  disconnected: 'refusal.disconnected',
  too_many_requests: 'refusal.tooMany',
  unavailable: 'refusal.unavailable',
  forbidden: 'refusal.forbidden',
  not_found: 'refusal.notFound',
  unauthenticated: 'refusal.signedOut',
  signed_out: 'refusal.signedOut',
};

/** What went wrong, in words for a person. The server's own hint serves where it names the field at fault. */
export function refusalWords(error: unknown): string {
  if (!(error instanceof RequestError)) return t('refusal.unknown');
  const key = general[error.code];
  if (key === 'refusal.tooMany' && error.retryAfterSeconds) {
    return t('refusal.tooManyUntil', { count: Math.ceil(error.retryAfterSeconds) });
  }
  if (key) return t(key);
  return error.code === 'invalid_input' && error.hint ? sentence(error.hint) : t('refusal.unknown');
}

/** The field at fault, when it is one of those on the form. */
export function faultyField<F extends string>(error: unknown, fields: readonly F[]): F | null {
  if (!(error instanceof RequestError)) return null;
  return fields.find((field) => field === error.subject || error.subject.endsWith(`.${field}`)) ?? null;
}

/** What to say beside the field at fault. */
export function fieldWords(error: unknown, conflicts: Record<string, Key> = {}): string {
  if (error instanceof RequestError && error.code === 'conflict') {
    const key = conflicts[error.subject];
    if (key) return t(key);
  }
  return refusalWords(error);
}

const sentence = (hint: string): string => hint.charAt(0).toUpperCase() + hint.slice(1) + (/[.!?]$/.test(hint) ? '' : '.');
