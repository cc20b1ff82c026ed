import { describe, expect, it } from 'vitest';
import { HAVE_MAX, Topics } from './topics';

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

  it('names the topics heard of last when there are more than the server takes', () => {
    const topics = new Topics();
    for (let index = 0; index <= HAVE_MAX; index += 1) topics.start(`t${index}`, 1);
    topics.arrive('t0', 2);
    const have = topics.have();
    expect(Object.keys(have)).toHaveLength(HAVE_MAX);
    expect([have.t0, have.t1]).toEqual([2, undefined]);
  });

  it('tells of which topics a resume left something out', () => {
    const topics = new Topics();
    topics.start('quiet', 3);
    topics.start('unnamed', 3);
    expect(topics.caughtUp({ quiet: 3, unnamed: 5, added: 9 })).toMatchObject({ missed: ['unnamed'] });
  });

  it('drops on catching up what is no longer ours, and never goes back', () => {
    const topics = new Topics();
    topics.start('left', 3);
    topics.start('t', 8);
    expect(topics.caughtUp({ t: 7, added: 2 }).gone).toEqual(['left']);
    expect(topics.have()).toEqual({ t: 8, added: 2 });
  });
});
