// @vitest-environment happy-dom
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { router } from '../../router.svelte';
import { language } from '../i18n';
import { RequestError, type Client, type Me, type SocketListener } from '../sdk';
import { App } from './app.svelte';

const ANA = { id: 'ana', handle: 'ana', name: 'Ana', topicSeq: 7, settings: { theme: 'dark', language: 'en' } } as unknown as Me;

class Server {
  listener: SocketListener = {};
  readonly session = {
    restore: vi.fn<() => Promise<Me | null>>(() => Promise.resolve(null)),
    login: vi.fn(() => Promise.resolve(ANA)),
    forget: vi.fn(),
  };
  readonly logout = vi.fn(() => Promise.resolve());
  readonly socket = { listen: (listener: SocketListener) => (this.listener = listener), start: vi.fn(), stop: vi.fn() };
  readonly call = vi.fn(() => new Promise(() => undefined));
  readonly client = {
    session: this.session,
    socket: this.socket,
    config: () => Promise.resolve({ demo: false }),
    call: this.call,
    logout: this.logout,
  } as unknown as Client;
}

describe("Ana's page", () => {
  let server: Server;
  let app: App;

  beforeEach(() => {
    localStorage.clear();
    history.replaceState(null, '', '/people/ben');
    router.start();
    server = new Server();
    app = new App(server.client);
  });

  it('asks her to log in, and then goes on to where she wanted to be', async () => {
    await app.start();
    expect([app.phase, location.pathname]).toEqual(['signedOut', '/login']);
    await app.login('ana', 'secret');
    expect([app.phase, location.pathname, app.world?.me.name]).toEqual(['signedIn', '/people/ben', 'Ana']);
    expect(server.socket.start).toHaveBeenCalledWith({ 'user:ana': 7 });
  });

  it('says that the server is out of reach, which is not being signed out', async () => {
    server.session.restore.mockRejectedValue(new RequestError({ code: 'offline' }));
    await app.start();
    expect([app.phase, location.pathname]).toEqual(['unreachable', '/people/ben']);
  });

  it('comes in by itself once the server is back, and at once when it is looked at', async () => {
    vi.useFakeTimers();
    server.session.restore.mockRejectedValue(new RequestError({ code: 'unavailable' }));
    await app.start();
    await vi.advanceTimersByTimeAsync(30_000);
    expect(app.phase).toBe('unreachable');
    server.session.restore.mockResolvedValue(ANA);
    app.wake();
    await vi.advanceTimersByTimeAsync(0);
    expect([app.phase, location.pathname]).toEqual(['signedIn', '/people/ben']);
    vi.useRealTimers();
  });

  it('says why, when the session was ended elsewhere, and keeps what was not sent', async () => {
    await app.login('ana', 'secret');
    app.world?.drafts.set('c', 'Half a thought');
    server.listener.stopped?.('session_ended');
    expect([app.phase, app.endedBecause, app.world]).toEqual(['signedOut', 'session_ended', null]);
    await app.login('ana', 'secret');
    expect(app.world?.drafts.get('c')).toBe('Half a thought');
  });

  it('says nothing of that when she signs out herself, and leaves nothing of hers behind', async () => {
    await app.login('ana', 'secret');
    app.world?.drafts.set('c', 'Half a thought');
    // The server closes the socket before it answers.
    server.logout.mockImplementation(() => Promise.resolve(server.listener.stopped?.('session_ended')));
    await app.logout();
    expect([app.phase, app.endedBecause]).toEqual(['signedOut', null]);
    expect(Object.keys(localStorage).sort()).toEqual(['loopync.language', 'loopync.theme']);
  });

  it('leaves nothing of hers behind either when the answer to that is lost', async () => {
    await app.login('ana', 'secret');
    app.world?.drafts.set('c', 'Half a thought');
    server.logout.mockImplementation(() => {
      server.listener.stopped?.('session_ended');
      return Promise.reject(new RequestError({ code: 'offline' }));
    });
    await app.logout();
    expect([app.phase, app.endedBecause]).toEqual(['signedOut', null]);
    expect(Object.keys(localStorage).sort()).toEqual(['loopync.language', 'loopync.theme']);
  });

  it('is in her language before anything of hers is drawn; one that she chose while signing in becomes hers', async () => {
    server.session.login.mockResolvedValue({ ...ANA, settings: { ...ANA.settings, language: 'de' } });
    let shown = '';
    server.socket.start.mockImplementation(() => (shown = language()));
    await app.login('ana', 'secret');
    expect([shown, app.world?.me.settings.language]).toEqual(['de', 'de']);
    expect(server.call).not.toHaveBeenCalled();

    app.chosenLanguage = 'en';
    await app.login('ana', 'secret');
    expect([shown, app.world?.me.settings.language, app.chosenLanguage]).toEqual(['en', 'en', null]);
    expect(server.call).toHaveBeenCalledWith('update_settings', { language: 'en' });
  });

  it('is of nobody else: a link that the server says is of another is not hers', async () => {
    await app.login('ana', 'secret');
    expect(['ana', 'ben'].map((userId) => server.listener.connected?.({ userId, sessionId: 's' }))).toEqual([true, false]);
  });

  it('stays signed in when signing out did not reach the server', async () => {
    await app.login('ana', 'secret');
    server.logout.mockRejectedValue(new RequestError({ code: 'offline' }));
    await expect(app.logout()).rejects.toThrow('offline');
    expect(app.phase).toBe('signedIn');
  });
});
