import { locale, t } from './i18n.svelte';
import type { Time } from '../sdk';

const formats = new Map<string, Intl.DateTimeFormat>();

function format(name: string, options: Intl.DateTimeFormatOptions, time: Time): string {
  // Making a format costs a hundred times its use.
  const key = `${locale()} ${name}`;
  let made = formats.get(key);
  if (!made) formats.set(key, (made = new Intl.DateTimeFormat(locale(), options)));
  return made.format(new Date(time));
}

/** "14:05" */
export const clockTime = (time: Time): string => format('clock', { hour: 'numeric', minute: '2-digit' }, time);

/** "Friday, 20 November 2026 at 14:05": for titles and people who need the exact moment. */
export const fullTime = (time: Time): string => format('full', { dateStyle: 'full', timeStyle: 'short' }, time);

export const longDate = (time: Time): string => format('long', { dateStyle: 'long' }, time);

/** The number of a day in local time, so that days can be compared and counted. */
export function dayNumber(time: Time | number): number {
  const date = new Date(time);
  return Math.floor(Date.UTC(date.getFullYear(), date.getMonth(), date.getDate()) / 86_400_000);
}

/** "Today", "Yesterday", "Friday", "20 November", "20 November 2025" */
export function dayName(time: Time, now = Date.now()): string {
  const days = dayNumber(now) - dayNumber(time);
  if (days === 0) return t('day.today');
  if (days === 1) return t('day.yesterday');
  if (days > 1 && days < 7) return format('weekday', { weekday: 'long' }, time);
  if (new Date(time).getFullYear() === new Date(now).getFullYear()) {
    return format('day', { day: 'numeric', month: 'long' }, time);
  }
  return longDate(time);
}

/** The same within a sentence: "Last used today". Days of the week and months keep their capitals. */
export function dayWithin(time: Time, now = Date.now()): string {
  const days = dayNumber(now) - dayNumber(time);
  if (days === 0) return t('day.todayWithin');
  return days === 1 ? t('day.yesterdayWithin') : dayName(time, now);
}

/** In a list: the time of today, else the day. */
export function listTime(time: Time, now = Date.now()): string {
  const days = dayNumber(now) - dayNumber(time);
  if (days <= 0) return clockTime(time);
  if (days === 1) return t('day.yesterday');
  if (days < 7) return format('weekday-short', { weekday: 'short' }, time);
  return format('date-short', { day: 'numeric', month: 'short' }, time);
}

/** "last active 5 minutes ago" */
export function lastActive(time: Time | null, now = Date.now()): string {
  if (time === null) return t('presence.offline');
  const minutes = Math.floor((now - new Date(time).getTime()) / 60_000);
  if (minutes < 1) return t('presence.justNow');
  if (minutes < 60) return t('presence.minutes', { count: minutes });
  if (minutes < 24 * 60) return t('presence.hours', { count: Math.floor(minutes / 60) });
  return t('presence.day', { day: dayWithin(time, now) });
}
