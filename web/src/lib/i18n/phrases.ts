import type { en } from './en';

// What a phrase is, and what the compiler knows of it: its key, and the `{names}` that are filled in.

/** By the plural that `count` has in the language; `other` where there is no form of its own. */
export type Forms = { readonly [form in Intl.LDMLPluralRule]?: string } & { readonly other: string };
export type Phrase = string | Forms;

type English = typeof en;
export type Key = keyof English;
export type Catalogue = Readonly<Record<Key, Phrase>>;

type Names<Text> = Text extends `${string}{${infer Name}}${infer Rest}` ? Name | Names<Rest> : never;
type NamesOf<Said> = Said extends string ? Names<Said> : Names<Said[keyof Said]>;

/** What has to be given with a key, or with any of several. */
export type Params<K extends Key> = { [Name in NamesOf<English[K]>]: Name extends 'count' ? number : string };

/** A key that needs nothing filled in. */
export type PlainKey = { [K in Key]: [NamesOf<English[K]>] extends [never] ? K : never }[Key];

/** For `satisfies`: the translation itself, but `never` where a phrase fills in other names than the English one. */
export type SameNames<Translation extends Catalogue> = {
  [K in Key]: [NamesOf<Translation[K]>, NamesOf<English[K]>] extends [NamesOf<English[K]>, NamesOf<Translation[K]>] ? Translation[K] : never;
};
