// A server's end of the socket for tests: what was sent is looked at, what is answered is said by hand.
import type { Transport } from './socket';

export interface Sent {
  id: number;
  event: string;
  data: Record<string, unknown>;
}

export class FakeTransport implements Transport {
  onopen: (() => void) | null = null;
  onmessage: ((event: { data: unknown }) => void) | null = null;
  onclose: ((event: { code: number; reason: string }) => void) | null = null;
  readonly sent: Sent[] = [];
  closedWith: number | null = null;

  send(text: string): void {
    this.sent.push(JSON.parse(text) as Sent);
  }

  close(code = 1005): void {
    this.closedWith = code;
  }

  say(frame: unknown): void {
    this.onmessage?.({ data: JSON.stringify(frame) });
  }

  /** The server goes, with a close code of docs/protocol.md. */
  end(code: number, reason = ''): void {
    this.onclose?.({ code, reason });
  }

  /** Opens and signs in; answers the `have` that the client named. */
  welcome(topics: Record<string, number> = {}, who = { userId: 'ana', sessionId: 'anas' }): Record<string, number> {
    this.onopen?.();
    const connect = this.sent.at(-1) as Sent;
    this.say({ id: 1, event: 'connected', success: true, data: who });
    this.say({ event: 'caught_up', data: { topics } });
    return connect.data['have'] as Record<string, number>;
  }

  answer(event: string, data: unknown): void {
    const request = this.sent.findLast((each) => each.event === event) as Sent;
    this.say({ id: request.id, success: true, data });
  }
}
