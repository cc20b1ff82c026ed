import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { RequestError, signedOut } from './errors';
import type { Push } from './pushes';
import { Socket, type LinkState } from './socket';
import { FakeTransport } from './testing';

const TOPIC = 'conversation:hike';

function push(seq: number): object {
  return { event: 'new_message', topic: TOPIC, seq, data: { seq } };
}

describe('the socket of Ana', () => {
  let links: FakeTransport[];
  let tokens: boolean[];
  let states: LinkState[];
  let pushes: Push[];
  let stopped: string[];
  let resynced: string[];
  let socket: Socket;
  let haveToken: () => Promise<string>;

  const link = (): FakeTransport => links.at(-1) as FakeTransport;
  const settle = (): Promise<void> => vi.advanceTimersByTimeAsync(0).then(() => undefined);

  async function started(topics: Record<string, number> = {}): Promise<void> {
    socket.start();
    await settle();
    link().welcome(topics);
  }

  beforeEach(() => {
    vi.useFakeTimers();
    [links, tokens, states, pushes, stopped, resynced] = [[], [], [], [], [], []];
    haveToken = () => Promise.resolve('token');
    socket = new Socket({
      url: () => Promise.resolve('ws://loopync.example/ws'),
      token: (fresh) => {
        tokens.push(fresh);
        return haveToken();
      },
      open: () => {
        links.push(new FakeTransport());
        return link();
      },
      random: () => 0,
    });
    socket.listen({
      state: (state) => states.push(state),
      push: (each) => pushes.push(each),
      stopped: (reason) => stopped.push(reason),
      resync: (topic) => resynced.push(topic),
    });
  });

  afterEach(() => {
    socket.stop();
    vi.useRealTimers();
  });

  it('ends when the server says that it is of somebody else', async () => {
    socket.listen({ connected: ({ userId }) => userId === 'ana', stopped: (reason) => stopped.push(reason) });
    socket.start();
    await settle();
    link().welcome({}, { userId: 'ben', sessionId: 'bens' });
    expect([socket.state, socket.sessionId, stopped]).toEqual(['stopped', null, ['session_ended']]);
  });

  it('signs in with its first frame and is online once that is answered', async () => {
    await started();
    expect(link().sent[0]).toEqual({ id: 1, event: 'connect', data: { token: 'token', have: {} } });
    expect(states).toEqual(['connecting', 'online']);
  });

  it('asks for what came after a snapshot that was taken before', async () => {
    socket.start({ 'user:ana': 7 });
    await settle();
    expect(link().welcome()).toEqual({ 'user:ana': 7 });
  });

  it('matches replies to requests by id, in whatever order they come', async () => {
    await started();
    const first = socket.request('get_me', {});
    const second = socket.request('list_friends', {});
    const [a, b] = link().sent.slice(1);
    link().say({ id: b?.id, success: true, data: 'friends' });
    link().say({ id: a?.id, success: true, data: 'me' });
    expect([await first, await second]).toEqual(['me', 'friends']);
  });

  it('throws a refusal with what the server said of it', async () => {
    await started();
    const request = socket.request('send_message', {});
    const error = { code: 'too_many_requests', subject: 'rate', hint: 'slower', retry: true, retryAfter: 3 };
    link().say({ id: link().sent.at(-1)?.id, success: false, error });
    await expect(request).rejects.toMatchObject({ code: 'too_many_requests', retry: true, retryAfterSeconds: 3 });
  });

  it('takes each push once', async () => {
    await started({ [TOPIC]: 4 });
    for (const seq of [4, 5, 5, 6]) link().say(push(seq));
    expect(pushes.map((each) => each.seq)).toEqual([5, 6]);
  });

  it('comes back for what is missing when it sees a gap, and does not take what lies behind it', async () => {
    await started({ [TOPIC]: 4 });
    link().say(push(7));
    expect(pushes).toEqual([]);
    await vi.advanceTimersByTimeAsync(1_000);
    expect(link().welcome({ [TOPIC]: 7 })).toEqual({ [TOPIC]: 4 });
  });

  it('names after a broken link what it holds of each topic', async () => {
    await started({ 'user:ana': 2, [TOPIC]: 4 });
    link().say(push(5));
    link().end(1006);
    await vi.advanceTimersByTimeAsync(1_000);
    expect(link().welcome()).toEqual({ 'user:ana': 2, [TOPIC]: 5 });
  });

  it('follows a conversation from where it was added, and forgets one that was removed', async () => {
    await started({ 'user:ana': 1 });
    link().say({ event: 'conversation_added', topic: 'user:ana', seq: 2, data: { conversation: { id: 'hike' }, fromSeq: 9 } });
    link().say(push(10));
    expect(pushes).toHaveLength(2);
    link().say({ event: 'conversation_removed', topic: 'user:ana', seq: 3, data: { conversationId: 'hike' } });
    link().end(1006);
    await vi.advanceTimersByTimeAsync(1_000);
    expect(link().welcome()).toEqual({ 'user:ana': 3 });
  });

  it('goes on from a resync and says what to load anew', async () => {
    await started({ [TOPIC]: 4 });
    link().say({ event: 'resync', data: { topic: TOPIC, seq: 400 } });
    link().say(push(401));
    expect(resynced).toEqual([TOPIC]);
    expect(pushes).toHaveLength(1);
  });

  it('asks again on the next link what was not answered on the last one', async () => {
    await started();
    const request = socket.request('list_friends', {});
    link().end(1006);
    await vi.advanceTimersByTimeAsync(1_000);
    link().welcome();
    link().answer('list_friends', ['Ben']);
    expect(await request).toEqual(['Ben']);
  });

  it('never asks twice what was to be asked once', async () => {
    await started();
    const request = socket.request('change_password', {}, { delivery: 'once' });
    link().end(1006);
    await expect(request).rejects.toMatchObject({ code: 'disconnected' });
    await vi.advanceTimersByTimeAsync(1_000);
    link().welcome();
    expect(link().sent.map((each) => each.event)).toEqual(['connect']);
  });

  it('does not keep for later what is worthless then', async () => {
    await expect(socket.request('typing', {}, { delivery: 'now' })).rejects.toMatchObject({ code: 'offline' });
  });

  it('gives a request up when its time is over', async () => {
    await started();
    const request = expect(socket.request('get_me', {}, { timeoutMs: 2_000 })).rejects.toMatchObject({ code: 'timeout' });
    await vi.advanceTimersByTimeAsync(2_000);
    await request;
  });

  it('has at most sixty requests waiting on the server', async () => {
    await started();
    const requests = Array.from({ length: 70 }, () => socket.request('get_me', {}));
    expect(link().sent).toHaveLength(61);
    link().say({ id: link().sent[1]?.id, success: true, data: null });
    expect(link().sent).toHaveLength(62);
    socket.stop();
    await Promise.allSettled(requests);
  });

  it('waits longer after each failure, within bounds, and short again after a success', async () => {
    socket.start();
    const waits: number[] = [];
    for (let round = 0; round < 8; round += 1) {
      await settle();
      const before = Date.now();
      const count = links.length;
      link().end(1006);
      while (links.length === count) await vi.advanceTimersByTimeAsync(50);
      waits.push(Date.now() - before);
    }
    expect(waits[0]).toBeLessThanOrEqual(250);
    expect(waits.at(-1)).toBeLessThanOrEqual(7_550);
    expect([...waits].sort((a, b) => a - b)).toEqual(waits);
    link().welcome();
    link().end(1006);
    await vi.advanceTimersByTimeAsync(250);
    expect(links).toHaveLength(10);
  });

  it.each([4000, 4001, 4006, 4499, 1001, 1006, 1011])('comes back after close code %i', async (code) => {
    await started();
    link().end(code);
    await vi.advanceTimersByTimeAsync(1_000);
    expect(links).toHaveLength(2);
  });

  it.each([4500, 4501, 4999])('stays away after close code %i, and says why', async (code) => {
    await started();
    const waiting = expect(socket.request('get_me', {})).rejects.toMatchObject({ code: 'signed_out' });
    link().end(code, 'session_ended');
    await vi.advanceTimersByTimeAsync(60_000);
    await waiting;
    expect(links).toHaveLength(1);
    expect(stopped).toEqual(['session_ended']);
  });

  it('gets a fresh token when the last one was refused', async () => {
    await started();
    link().end(4005);
    await vi.advanceTimersByTimeAsync(1_000);
    expect(tokens).toEqual([false, true]);
  });

  it('stops when there is no session to connect with', async () => {
    haveToken = () => Promise.reject(signedOut());
    socket.start();
    await settle();
    expect(stopped).toEqual(['session_ended']);
  });

  it('tries again when the token could not be had for lack of a network', async () => {
    haveToken = () => Promise.reject(new RequestError({ code: 'offline' }));
    socket.start();
    await settle();
    expect(states.at(-1)).toBe('waiting');
  });

  it('finds out that a silent link is dead, and makes another', async () => {
    await started();
    await vi.advanceTimersByTimeAsync(25_000);
    expect(link().sent.at(-1)?.event).toBe('ping');
    await vi.advanceTimersByTimeAsync(8_000 + 1_000);
    expect(links).toHaveLength(2);
  });

  it('keeps a silent link that answers', async () => {
    await started();
    for (let round = 0; round < 3; round += 1) {
      await vi.advanceTimersByTimeAsync(25_000);
      link().answer('ping', {});
    }
    expect(links).toHaveLength(1);
  });

  it('leaves a link that the system says is cut, and finds a server that needs no network', async () => {
    await started({ [TOPIC]: 4 });
    socket.cut();
    expect([states.at(-1), links[0]?.closedWith]).toEqual(['waiting', 4000]);
    await vi.advanceTimersByTimeAsync(1_000);
    expect(link().welcome({ [TOPIC]: 4 })).toEqual({ [TOPIC]: 4 });
    expect(states.at(-1)).toBe('online');
  });

  it('tries at once when the network is back, and soon again if that was too early', async () => {
    await started();
    for (let round = 0; round < 8; round += 1) {
      link().end(1006);
      await vi.advanceTimersByTimeAsync(15_000);
    }
    link().end(1006);
    const before = links.length;
    socket.wake();
    await settle();
    expect(links).toHaveLength(before + 1);
    link().end(1006);
    await vi.advanceTimersByTimeAsync(250);
    expect(links).toHaveLength(before + 2);
  });

  it('asks a link at once after a sleep, and does not wait long for its answer', async () => {
    await started();
    socket.wake();
    expect(link().sent.at(-1)?.event).toBe('ping');
    await vi.advanceTimersByTimeAsync(4_000 + 1_000);
    expect(links).toHaveLength(2);
  });

  it('waits no longer for an answer because it is looked at again and again', async () => {
    await started();
    for (let look = 0; look < 5; look += 1) {
      socket.wake();
      await vi.advanceTimersByTimeAsync(1_000);
    }
    expect(links).toHaveLength(2);
    expect(links[0]?.sent.filter((each) => each.event === 'ping')).toHaveLength(1);
  });

  it('keeps a link that answers after a sleep', async () => {
    await started();
    socket.wake();
    link().answer('ping', {});
    await vi.advanceTimersByTimeAsync(10_000);
    expect(links).toHaveLength(1);
  });

  it('does not wait on waking for an attempt that began before', async () => {
    socket.start();
    await settle();
    socket.wake();
    await settle();
    expect(links).toHaveLength(1); // it has only begun
    await vi.advanceTimersByTimeAsync(3_000);
    socket.wake();
    await settle();
    expect(links).toHaveLength(2);
    expect(links[0]?.closedWith).toBe(4000);
  });

  it('names on catching up the topics that are no longer ours', async () => {
    const gone: string[] = [];
    socket.listen({ caughtUp: (topics) => gone.push(...topics) });
    await started({ [TOPIC]: 4, 'conversation:left': 2 });
    link().end(1006);
    await vi.advanceTimersByTimeAsync(1_000);
    link().welcome({ [TOPIC]: 4 });
    expect(gone).toEqual(['conversation:left']);
  });

  it('gives up a server that never answers the sign-in', async () => {
    socket.start();
    await settle();
    link().onopen?.();
    await vi.advanceTimersByTimeAsync(10_000 + 1_000);
    expect(links).toHaveLength(2);
    expect(links[0]?.closedWith).not.toBeNull();
  });
});
