// @vitest-environment happy-dom
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { RequestError } from '../sdk';
import { clockTime, dayAndTime, dayName, dayWithin, lastActive, language, listed, listTime, refusalWords, startLanguage, t, useLanguage } from '.';
import de from './de';
import { en } from './en';
import { firstLanguage, languageCodes, tagOf } from './languages';
import type { Catalogue, Forms, PlainKey, SameNames } from './phrases';

const browserSpeaks = (...tags: string[]): void => void vi.spyOn(navigator, 'languages', 'get').mockReturnValue(tags);

beforeEach(() => {
  localStorage.clear();
  browserSpeaks('en-US');
});
afterEach(() => useLanguage('en'));

describe('a phrase', () => {
  it('is filled in with names and counts, and says one as one', () => {
    expect(t('thread.typingOne', { name: 'Ana' })).toBe('Ana is typing…');
    expect(t('thread.members', { count: 1 })).toBe('1 member');
    expect(t('thread.members', { count: 1_200 })).toBe('1,200 members');
  });

  it('leaves what a person wrote as it is', () => {
    expect(t('thread.typingOne', { name: '{count} $& <b>' })).toBe('{count} $& <b> is typing…');
  });

  it('is checked by the compiler for its key and for what it needs', () => {
    const wrong = (): void => {
      // @ts-expect-error There is no such phrase.
      t('thread.typingThree');
      // @ts-expect-error Nobody is named.
      t('thread.typingOne');
      // @ts-expect-error That is no number.
      t('thread.members', { count: 'many' });
      // @ts-expect-error It needs a name.
      ('thread.typingOne') satisfies PlainKey;
      // @ts-expect-error A translation that lost the name.
      ({ ...de, 'thread.typingOne': 'Jemand schreibt …' } as const) satisfies SameNames<typeof de & { 'thread.typingOne': 'Jemand schreibt …' }>;
      // @ts-expect-error A translation that lacks all but one phrase.
      ({ 'action.add': 'Hinzufügen' }) satisfies Catalogue;
    };
    expect(wrong).toBeTypeOf('function');
  });
});

describe('a language', () => {
  it('is the one that was last shown here, else the first of the browser that there is, else English', () => {
    expect(firstLanguage('de', ['en-GB'])).toBe('de');
    expect(firstLanguage('tlh', ['fr', 'DE-at', 'en'])).toBe('de');
    expect(firstLanguage(null, ['fr', 'toString'])).toBe('en');
    expect(firstLanguage(null, [])).toBe('en');
  });

  it("writes dates by the browser's own kind of it", () => {
    expect(tagOf('en', ['de-DE', 'en-GB', 'en-US'])).toBe('en-GB');
    expect(tagOf('en', ['eng', 'de'])).toBe('en');
  });

  it('begins as the browser wants it, and is kept once it was chosen', async () => {
    browserSpeaks('de-AT', 'en');
    await startLanguage();
    expect([language(), document.documentElement.lang, localStorage.getItem('loopync.language')]).toEqual(['de', 'de', null]);
    await useLanguage('en');
    expect([language(), document.documentElement.lang, localStorage.getItem('loopync.language')]).toEqual(['en', 'en', 'en']);
    await startLanguage();
    expect(language()).toBe('en');
  });

  it('is the last one that was asked for, however fast one changes one’s mind', async () => {
    await Promise.all([useLanguage('de'), useLanguage('en')]);
    expect([language(), localStorage.getItem('loopync.language')]).toEqual(['en', 'en']);
  });

  it.each(languageCodes)('%s has every plural that it needs, each with its number', async (code) => {
    await useLanguage(code);
    const wanted = new Intl.PluralRules(code).resolvedOptions().pluralCategories;
    const forms = Object.values<unknown>(code === 'en' ? en : de).filter((phrase): phrase is Forms => typeof phrase === 'object');
    expect(forms.length).toBeGreaterThan(5);
    for (const form of forms) expect(Object.keys(form).sort()).toEqual([...wanted].sort());
  });

  it('has for every phrase that is counted in English a plural, or says it in words that need none', () => {
    const plain = Object.entries(en).filter(([key, phrase]) => typeof phrase === 'object' && typeof de[key as keyof typeof de] === 'string');
    expect(plain.map(([key]) => key).sort()).toEqual([
      'auth.passwordHint', 'auth.passwordShort', 'badge.new', 'palette.results', 'thread.left', 'thread.over',
    ]);
    expect(Object.entries(en).filter(([, phrase]) => typeof phrase === 'string' && phrase.includes('{count}'))).toEqual([]);
  });
});

describe('a time', () => {
  const now = new Date(2026, 5, 15, 12).getTime();
  const at = (day: number, hour = 23, minute = 59): string => new Date(2026, 5, day, hour, minute).toISOString();

  it('names days as people do', () => {
    expect([15, 14, 13, 8].map((day) => dayName(at(day), now))).toEqual(['Today', 'Yesterday', 'Saturday', 'June 8']);
    expect([15, 14, 13, 8].map((day) => dayWithin(at(day), now))).toEqual(['today', 'yesterday', 'Saturday', 'June 8']);
  });

  it('says when someone was last active, and nothing when it is not known', () => {
    expect(lastActive(at(15, 11, 55), now)).toBe('Last active 5 minutes ago');
    expect(lastActive(at(15, 9, 0), now)).toBe('Last active 3 hours ago');
    expect(lastActive(at(14, 9), now)).toBe('Last active yesterday');
    expect(lastActive(at(12, 9), now)).toBe('Last active Friday');
    expect(lastActive(null, now)).toBe('Offline');
  });

  it('is said in German as Germans do', async () => {
    await useLanguage('de');
    expect([15, 14, 13, 8].map((day) => dayName(at(day), now))).toEqual(['Heute', 'Gestern', 'Samstag', '8. Juni']);
    expect([15, 13, 8].map((day) => lastActive(at(day, 1), now - 3_600_000 * 12))).toEqual([
      'Gerade eben noch online', 'Zuletzt online am Samstag', 'Zuletzt online am 8. Juni',
    ]);
    expect(lastActive(at(15, 11, 59), now)).toBe('Zuletzt online vor 1 Minute');
    expect(dayAndTime(at(14, 9, 5), now)).toBe('gestern um 9:05');
    expect(listed(['Ben', 'Chloe', 'dich'])).toBe('Ben, Chloe und dich');
    expect(t('thread.members', { count: 1_200 })).toBe('1.200 Mitglieder');
  });

  it.each([1, 3, 30])('ahead of a clock that is %i h slow is never counted', (hours) => {
    const ahead = new Date(now + hours * 3_600_000).toISOString();
    expect(lastActive(ahead, now)).toBe('Last active just now');
    expect(listTime(ahead, now)).toBe(clockTime(ahead));
    expect([dayName(ahead, now), dayWithin(ahead, now)]).toEqual(hours < 12 ? ['Today', 'today'] : ['June 16', 'June 16']);
  });
});

describe('a refusal', () => {
  const said = (code: string, subject = '', retryAfter?: number): string =>
    refusalWords(new RequestError({ code, subject, hint: 'is taken by Eve', ...(retryAfter ? { retryAfter } : {}) }));

  it('is worded by its code and subject, never by the English hint', async () => {
    await useLanguage('de');
    expect(said('conflict', 'handle')).toBe('Diesen Nutzernamen hat schon jemand. Versuch einen anderen.');
    expect(said('conflict', 'something')).toBe('Inzwischen hat sich etwas geändert. Lade die Seite neu und sieh nach.');
    expect(said('invalid_input', 'constructor')).toBe('Etwas davon geht so nicht. Prüfe deine Angaben.');
    expect(said('too_many_requests', 'requests', 0.2)).toBe('Zu viele Versuche. Warte 1 Sekunde und versuch es dann noch einmal.');
    expect(said('a_code_of_tomorrow')).toBe('Bei uns hat etwas nicht geklappt. Von dir ging nichts verloren; versuch es noch einmal.');
    expect(said('toString')).toBe(said('a_code_of_tomorrow'));
  });
});
