import { t } from '../../lib/i18n';

/** The server's word where there is none. */
const NAMELESS = /^(Unknown device)?$/;

/** A device as the server names it, "Chrome on Linux" or what another program says of itself, in the language of the page. */
export function deviceWords(device: string): string {
  if (NAMELESS.test(device)) return t('sessions.unknown');
  const [, browser, system] = /^(\S.*?) on (\S+)$/.exec(device) ?? [];
  return browser && system ? t('sessions.device', { browser, system }) : device;
}
