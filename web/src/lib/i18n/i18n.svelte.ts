import { en } from './en';

export type Phrase = string | { one: string; other: string };
export type Key = keyof typeof en;
export type Catalogue = Record<Key, Phrase>;
export type Params = Record<string, string | number>;

interface Language {
  code: string;
  catalogue: Catalogue;
}

let language = $state.raw<Language>({ code: 'en', catalogue: en });
const plurals = $derived(new Intl.PluralRules(language.code));

/** What dates and numbers are written by: the browser's own kind of the language, so that British days come before months. */
const tag = $derived(tagOf(language.code, globalThis.navigator?.languages ?? []));
const numbers = $derived(new Intl.NumberFormat(tag));

export const locale = (): string => tag;

export function tagOf(code: string, wanted: readonly string[]): string {
  return wanted.find((each) => each === code || each.startsWith(`${code}-`)) ?? code;
}

/** The languages there are; each but the first is a chunk of its own. */
const catalogues: Record<string, () => Promise<Catalogue>> = {
  en: () => Promise.resolve(en),
};

export async function useLanguage(code: string): Promise<void> {
  const load = catalogues[code];
  if (!load || code === language.code) return;
  language = { code, catalogue: await load() };
  document.documentElement.lang = code;
}

/** The phrase of a key; `{name}` is filled from params, and `count` chooses between singular and plural. */
export function t(key: Key, params: Params = {}): string {
  const phrase: Phrase = language.catalogue[key];
  const words = typeof phrase === 'string' ? phrase : phrase[plurals.select(Number(params.count)) === 'one' ? 'one' : 'other'];
  return words.replace(/\{(\w+)\}/g, (whole, name: string) => {
    const value = params[name];
    if (value === undefined) return whole;
    return typeof value === 'number' ? numbers.format(value) : value;
  });
}

/** "Ana, Ben and Eve", as the language joins a list. */
export function listed(names: string[]): string {
  return new Intl.ListFormat(tag, { type: 'conjunction' }).format(names);
}
