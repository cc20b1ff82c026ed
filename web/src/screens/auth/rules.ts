import { t } from '../../lib/i18n';

// The server decides; these rules only say sooner what it would say, and only what a form can know.

export const PASSWORD_MIN = 10;

/** A handle made from a name, as a proposal: "Ana María" → "ana.maria". */
export function handleFrom(name: string): string {
  const plain = name.normalize('NFKD').replace(/\p{M}/gu, '').toLowerCase();
  return plain.replace(/[^a-z0-9]+/g, '.').replace(/^[^a-z]+|\.+$/g, '').slice(0, 30);
}

export function handleFault(handle: string): string {
  if (handle === '') return t('auth.handleMissing');
  if (!/^[a-z]/i.test(handle)) return t('auth.handleStart');
  if (!/^[a-z0-9_.]*$/i.test(handle)) return t('auth.handleLetters');
  if (handle.length < 3 || handle.length > 30) return t('auth.handleLength');
  return '';
}

export function emailFault(email: string): string {
  return /^[^\s@]+@[^\s@]+$/.test(email) ? '' : t('auth.emailMissing');
}

/** `about`: the handle, the name and the e-mail, which a password must not contain. */
export function passwordFault(password: string, about: { handle?: string; name?: string; email?: string } = {}): string {
  if (password.length < PASSWORD_MIN) return t('auth.passwordShort', { count: PASSWORD_MIN });
  const lower = password.toLowerCase();
  const parts = [about.handle, about.name, about.email?.split('@')[0]];
  const contained = parts.some((part) => part && part.length >= 3 && lower.includes(part.toLowerCase()));
  return contained ? t('auth.passwordPersonal') : '';
}
