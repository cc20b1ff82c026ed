import { RequestError } from '../sdk';
import { t } from './i18n.svelte';
import type { PlainKey } from './phrases';

// The server names what went wrong by a code and a subject; its hint is English, and for developers. Each pair that it can
// send has words here or, on purpose, those of its code: tests/web/test_refusals.py compares the two.

/** By the code alone: those of docs/protocol.md, then the client's own. */
const general: Record<string, PlainKey> = {
  invalid_input: 'refusal.invalid',
  unauthenticated: 'refusal.signedOut',
  forbidden: 'refusal.forbidden',
  not_found: 'refusal.notFound',
  conflict: 'refusal.conflict',
  method_not_allowed: 'refusal.unknown',
  payload_too_large: 'refusal.tooLarge',
  unsupported_media_type: 'refusal.unknown',
  too_many_requests: 'refusal.tooMany',
  internal_error: 'refusal.unknown',
  unavailable: 'refusal.unavailable',
  offline: 'refusal.offline',
  timeout: 'refusal.timeout',
  disconnected: 'refusal.disconnected',
  signed_out: 'refusal.signedOut',
};

/** By code and subject, where there is more to say. */
const exact: Record<string, PlainKey> = {
  'invalid_input name': 'refusal.name',
  'invalid_input handle': 'refusal.handle',
  'invalid_input email': 'auth.emailMissing',
  'invalid_input password': 'refusal.password',
  'invalid_input newPassword': 'refusal.password',
  'invalid_input currentPassword': 'password.wrong',
  'invalid_input bio': 'refusal.bio',
  'invalid_input location': 'refusal.location',
  'invalid_input website': 'refusal.website',
  'invalid_input text': 'refusal.text',
  'invalid_input userId': 'refusal.self',
  'invalid_input userIds': 'refusal.groupPeople',
  'unauthenticated login': 'auth.wrong',
  'forbidden role': 'refusal.lastAdmin',
  'forbidden conversation': 'refusal.chat',
  'forbidden user': 'refusal.mayNotMessage',
  'forbidden userIds': 'refusal.mayNotAdd',
  'not_found user': 'refusal.personGone',
  'not_found userIds': 'refusal.personGone',
  'not_found member': 'refusal.personGone',
  'not_found conversation': 'refusal.chatGone',
  'conflict handle': 'auth.handleTaken',
  'conflict email': 'auth.emailTaken',
  'conflict friends': 'refusal.friendsFull',
  'conflict friendRequests': 'refusal.requestsFull',
  'conflict blocks': 'refusal.blocksFull',
  'unavailable disk': 'refusal.diskFull',
};

/** What went wrong, in words for a person. */
export function refusalWords(error: unknown): string {
  if (!(error instanceof RequestError)) return t('refusal.unknown');
  const { code, subject, retryAfterSeconds } = error;
  if (code === 'too_many_requests' && retryAfterSeconds) return t('refusal.tooManyUntil', { count: Math.ceil(retryAfterSeconds) });
  const byCode = Object.hasOwn(general, code) ? general[code] : undefined;
  return t(exact[`${code} ${subject}`] ?? byCode ?? 'refusal.unknown');
}

/** The field at fault, when it is one of those on the form. */
export function faultyField<F extends string>(error: unknown, fields: readonly F[]): F | null {
  if (!(error instanceof RequestError)) return null;
  return fields.find((field) => field === error.subject || error.subject.endsWith(`.${field}`)) ?? null;
}
