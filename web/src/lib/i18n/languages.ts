// Which language is shown:
// 1. the account's, once somebody is signed in; it follows them to all their devices;
// 2. before that, what was last chosen or shown on this device;
// 3. else the first of the browser's languages that there is here;
// 4. else English.
// Who chooses a language on the sign-in screen chooses it for the account that they sign in to or make there.

/** Each by its own name, which is what somebody looks for who cannot read the one that is shown. */
export const languages = { en: 'English', de: 'Deutsch' } as const;

export type Language = keyof typeof languages;

export const languageCodes = Object.keys(languages) as Language[];

export const isLanguage = (code: string | null): code is Language => code !== null && Object.hasOwn(languages, code);

/** For who is not signed in: `kept` on this device before, `wanted` as the browser lists them ("de-AT", "en"). */
export function firstLanguage(kept: string | null, wanted: readonly string[]): Language {
  if (isLanguage(kept)) return kept;
  return wanted.map((tag) => tag.split('-', 1)[0]?.toLowerCase() ?? '').find(isLanguage) ?? 'en';
}

/** What dates and numbers are written by: the browser's own kind of the language, so that British days come before months. */
export function tagOf(code: Language, wanted: readonly string[]): string {
  return wanted.find((tag) => tag === code || tag.startsWith(`${code}-`)) ?? code;
}
