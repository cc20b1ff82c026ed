export { listed, locale, t, useLanguage, type Key, type Params } from './i18n.svelte';
export { clockTime, dayName, dayNumber, dayWithin, fullTime, lastActive, listTime, longDate } from './dates';
export { faultyField, fieldWords, refusalWords } from './refusals';
