import { keep, kept } from '../state/storage';
import { en } from './en';
import { firstLanguage, tagOf, type Language } from './languages';
import type { Catalogue, Key, Params, Phrase } from './phrases';

const KEPT = 'loopync.language';
/** Rather than wait longer for its words, the client shows what it has; they are shown when they come. */
const LOAD_MS_MAX = 5_000;

/** Each but the first is a chunk of its own, which nobody loads who does not read it. */
const catalogues: Record<Language, () => Promise<Catalogue>> = {
  en: () => Promise.resolve(en),
  de: () => import('./de').then((chunk) => chunk.default),
};

interface Shown {
  code: Language;
  words: Catalogue;
}

let shown = $state.raw<Shown>({ code: 'en', words: en });
/** The last one asked for: an earlier one whose words come later is not shown any more. */
let wanted: Language = 'en';

const wantedByBrowser = (): readonly string[] => globalThis.navigator?.languages ?? [];
const tag = $derived(tagOf(shown.code, wantedByBrowser()));
const plurals = $derived(new Intl.PluralRules(tag));
const numbers = $derived(new Intl.NumberFormat(tag));
const lists = $derived(new Intl.ListFormat(tag, { type: 'conjunction' }));

export const locale = (): string => tag;
export const language = (): Language => shown.code;
export const number = (value: number): string => numbers.format(value);

/** "Ana, Ben and Eve", as the language joins a list. */
export const listed = (names: string[]): string => lists.format(names);

/** Shows everything in a language, from now on on this device. Answers false when its words cannot be had now. */
export async function useLanguage(code: Language): Promise<boolean> {
  const done = await show(code);
  if (done && wanted === code) keep(KEPT, code);
  return done;
}

/** Before anything is drawn: the language of somebody who is not known yet. */
export const startLanguage = (): Promise<boolean> => show(firstLanguage(kept(KEPT), wantedByBrowser()));

function show(code: Language): Promise<boolean> {
  wanted = code;
  if (code === shown.code) return Promise.resolve(true);
  const loaded = catalogues[code]().then(
    (words) => {
      if (wanted !== code) return true;
      shown = { code, words };
      document.documentElement.lang = code;
      return true;
    },
    () => {
      if (wanted === code) wanted = shown.code;
      return false;
    },
  );
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<boolean>((resolve) => (timer = setTimeout(() => resolve(false), LOAD_MS_MAX)));
  return Promise.race([loaded, late]).finally(() => clearTimeout(timer));
}

/** The phrase of a key; its `{names}` are filled in, and `count` chooses the plural. */
export function t<K extends Key>(key: K, ...[params]: keyof Params<K> extends never ? [] : [Params<K>]): string {
  const given: Readonly<Record<string, string | number>> = params ?? {};
  const phrase: Phrase = shown.words[key];
  const words = typeof phrase === 'string' ? phrase : (phrase[plurals.select(Number(given.count))] ?? phrase.other);
  return words.replace(/\{(\w+)\}/g, (whole, name: string) => {
    const value = given[name];
    if (value === undefined) return whole;
    return typeof value === 'number' ? number(value) : value;
  });
}
