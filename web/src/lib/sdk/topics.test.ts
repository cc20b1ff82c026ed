import { describe, expect, it } from 'vitest';
import { Topics } from './topics';

describe('topics', () => {
  it('takes the first it hears of a topic as its beginning', () => {
    const topics = new Topics();
    expect(topics.arrive('t', 9)).toBe('next');
    expect(topics.have()).toEqual({ t: 9 });
  });

  it('tells the next from the seen and from a gap', () => {
    const topics = new Topics();
    topics.start('t', 4);
    expect([topics.arrive('t', 4), topics.arrive('t', 6), topics.arrive('t', 5)]).toEqual(['seen', 'gap', 'next']);
  });

  it('drops on catching up what is no longer ours, and never goes back', () => {
    const topics = new Topics();
    topics.start('left', 3);
    topics.start('t', 8);
    topics.caughtUp({ t: 7, added: 2 });
    expect(topics.have()).toEqual({ t: 8, added: 2 });
  });
});
