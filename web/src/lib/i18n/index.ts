export { language, listed, locale, number, startLanguage, t, useLanguage } from './i18n.svelte';
export { isLanguage, languageCodes, languages, type Language } from './languages';
export type { Key, PlainKey } from './phrases';
export { clockTime, dayAndTime, dayName, dayNumber, dayWithin, fullTime, lastActive, listTime, longDate } from './dates';
export { faultyField, refusalWords } from './refusals';
