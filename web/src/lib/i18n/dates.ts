import { locale, t } from './i18n.svelte';
import type { Time } from '../sdk';

// Making a format costs a hundred times its use.
const formats = new Map<string, Intl.DateTimeFormat | Intl.RelativeTimeFormat>();

function made<Format extends Intl.DateTimeFormat | Intl.RelativeTimeFormat>(name: string, make: (tag: string) => Format): Format {
  const key = `${locale()} ${name}`;
  let format = formats.get(key);
  if (!format) formats.set(key, (format = make(locale())));
  return format as Format;
}

function written(name: string, options: Intl.DateTimeFormatOptions, time: Time): string {
  return made(name, (tag) => new Intl.DateTimeFormat(tag, options)).format(new Date(time));
}

/** "5 minutes ago", "today", "yesterday" */
function ago(count: number, unit: 'minute' | 'hour' | 'day'): string {
  return made('ago', (tag) => new Intl.RelativeTimeFormat(tag, { numeric: 'auto' })).format(-count, unit);
}

/** "14:05" */
export const clockTime = (time: Time): string => written('clock', { hour: 'numeric', minute: '2-digit' }, time);

/** "Friday, 20 November 2026 at 14:05": for titles and people who need the exact moment. */
export const fullTime = (time: Time): string => written('full', { dateStyle: 'full', timeStyle: 'short' }, time);

export const longDate = (time: Time): string => written('long', { dateStyle: 'long' }, time);

/** The number of a day in local time, so that days can be compared and counted. */
export function dayNumber(time: Time | number): number {
  const date = new Date(time);
  return Math.floor(Date.UTC(date.getFullYear(), date.getMonth(), date.getDate()) / 86_400_000);
}

// Times are the server's, and this device's clock may be wrong. What lies ahead of it is never counted ("in 3 hours"): a
// moment that cannot be yet was just now, and a day is called by its date.

const daysBack = (time: Time, now: number): number => dayNumber(now) - dayNumber(time);

/** "today", "yesterday" */
const nearDay = (days: number): string | null => (days === 0 || days === 1 ? ago(days, 'day') : null);

/** "Friday", "20 November", "20 November 2025" */
function plainDay(time: Time, now: number): string {
  const days = daysBack(time, now);
  if (days > 1 && days < 7) return written('weekday', { weekday: 'long' }, time);
  if (new Date(time).getFullYear() === new Date(now).getFullYear()) return written('day', { day: 'numeric', month: 'long' }, time);
  return longDate(time);
}

/** "Today", "Yesterday", "Friday", "20 November", "20 November 2025" */
export function dayName(time: Time, now = Date.now()): string {
  const near = nearDay(daysBack(time, now));
  return near === null ? plainDay(time, now) : near.charAt(0).toLocaleUpperCase(locale()) + near.slice(1);
}

/** The same within a sentence: "Last used today", "Zuletzt benutzt am Freitag". */
export function dayWithin(time: Time, now = Date.now()): string {
  return nearDay(daysBack(time, now)) ?? t('day.within', { day: plainDay(time, now) });
}

/** "today, 14:05", "heute um 14:05" */
export const dayAndTime = (time: Time, now = Date.now()): string => t('day.at', { day: dayWithin(time, now), time: clockTime(time) });

/** In a list: the time of today, else the day. */
export function listTime(time: Time, now = Date.now()): string {
  const days = daysBack(time, now);
  if (days <= 0) return clockTime(time);
  if (days === 1) return dayName(time, now);
  if (days < 7) return written('weekday-short', { weekday: 'short' }, time);
  return written('date-short', { day: 'numeric', month: 'short' }, time);
}

/** "Last active 5 minutes ago" */
export function lastActive(time: Time | null, now = Date.now()): string {
  if (time === null) return t('presence.offline');
  const minutes = Math.floor((now - new Date(time).getTime()) / 60_000);
  if (minutes < 1) return t('presence.justNow');
  if (minutes < 60) return t('presence.last', { when: ago(minutes, 'minute') });
  if (minutes < 24 * 60) return t('presence.last', { when: ago(Math.floor(minutes / 60), 'hour') });
  return t('presence.last', { when: dayWithin(time, now) });
}
