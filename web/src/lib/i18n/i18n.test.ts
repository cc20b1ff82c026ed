import { expect, it } from 'vitest';
import { dayName, lastActive, t } from '.';
import { tagOf } from './i18n.svelte';
import { en } from './en';

it('fills in names and counts, and says one as one', () => {
  expect(t('thread.typingOne', { name: 'Ana' })).toBe('Ana is typing…');
  expect(t('thread.members', { count: 1 })).toBe('1 member');
  expect(t('thread.members', { count: 1_200 })).toBe('1,200 members');
});

it("writes dates by the browser's own kind of the language", () => {
  expect(tagOf('en', ['de-DE', 'en-GB', 'en-US'])).toBe('en-GB');
  expect(tagOf('en', ['eng', 'de'])).toBe('en');
});

it('leaves what a person wrote as it is', () => {
  expect(t('thread.typingOne', { name: '{count} $& <b>' })).toBe('{count} $& <b> is typing…');
});

it('has for every phrase with a count both a singular and a plural', () => {
  const counted = Object.entries(en).filter(([, phrase]) => typeof phrase === 'string' && phrase.includes('{count}'));
  expect(counted).toEqual([]);
});

it('names days as people do', () => {
  const now = new Date(2026, 5, 15, 9).getTime();
  const day = (back: number): string => dayName(new Date(2026, 5, 15 - back, 23, 59).toISOString(), now);
  expect([day(0), day(1), day(2), day(7)]).toEqual(['Today', 'Yesterday', 'Saturday', 'June 8']);
});

it('says when someone was last active, and nothing when it is not known', () => {
  const now = Date.parse('2026-06-15T12:00:00Z');
  expect(lastActive('2026-06-15T11:55:00Z', now)).toBe('Last active 5 minutes ago');
  expect(lastActive('2026-06-14T09:00:00Z', now)).toBe('Last active yesterday');
  expect(lastActive('2026-06-12T09:00:00Z', now)).toBe('Last active Friday');
  expect(lastActive(null, now)).toBe('Offline');
});
