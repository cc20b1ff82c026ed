import { dayNumber } from '../../../lib/i18n';
import type { Id, Message, OutboxItem } from '../../../lib/sdk';

/** Bubbles of one person this close together stand as one group. */
const GROUP_MS = 5 * 60_000;

export type Row =
  | { key: string; type: 'day'; time: string }
  | { key: string; type: 'unread' }
  | { key: string; type: 'note'; message: Message }
  | { key: string; type: 'bubble'; message: Message; mine: boolean; first: boolean; last: boolean }
  | { key: string; type: 'pending'; item: OutboxItem; first: boolean; last: boolean };

export interface RowsInput {
  messages: readonly Message[];
  pending: readonly OutboxItem[];
  meId: Id;
  /** The line stands above the first message of others after this; null for no line. */
  unreadAfter: number | null;
}

interface Piece {
  row: Row;
  author: Id | null;
  at: number;
}

export const UNREAD_KEY = 'unread-line';

/** What a thread draws, from the oldest to what is not sent yet. */
export function rowsOf({ messages, pending, meId, unreadAfter }: RowsInput): Row[] {
  const pieces: Piece[] = [];
  let day: number | null = null;
  let lineDrawn = unreadAfter === null;

  function begin(time: string): number {
    const today = dayNumber(time);
    if (today !== day) pieces.push({ row: { key: `day ${today}`, type: 'day', time }, author: null, at: 0 });
    day = today;
    return Date.parse(time);
  }

  for (const message of messages) {
    const at = begin(message.createdAt);
    const mine = message.senderId === meId;
    if (!lineDrawn && message.seq > (unreadAfter as number) && !mine && message.kind === 'text') {
      pieces.push({ row: { key: UNREAD_KEY, type: 'unread' }, author: null, at });
      lineDrawn = true;
    }
    if (message.kind === 'note') {
      pieces.push({ row: { key: message.id, type: 'note', message }, author: null, at });
    } else {
      // My own keep their key from being pending to being sent, so that nothing is drawn anew.
      const row: Row = { key: message.clientId ?? message.id, type: 'bubble', message, mine, first: true, last: true };
      pieces.push({ row, author: message.senderId, at });
    }
  }
  // After a reload, or in another tab, one may be there before its answer is.
  const sent = new Set(pending.length > 0 ? messages.map((message) => message.clientId) : []);
  for (const item of pending) {
    if (sent.has(item.clientId)) continue;
    const at = begin(item.createdAt);
    pieces.push({ row: { key: item.clientId, type: 'pending', item, first: true, last: true }, author: meId, at });
  }
  join(pieces);
  return pieces.map((piece) => piece.row);
}

/** Whether older messages leave a row as it is: headings move up to them, and the first bubble may join their run. */
export function holds(row: Row, rows: readonly Row[], hasBefore: boolean): boolean {
  if (row.type === 'day' || row.type === 'unread') return false;
  return !(hasBefore && row === rows[1]); // rows[0] is the day's heading
}

/** Neighbours of one author and time lose the gap between them. */
function join(pieces: Piece[]): void {
  for (let index = 1; index < pieces.length; index += 1) {
    const before = pieces[index - 1] as Piece;
    const after = pieces[index] as Piece;
    if (before.author === null || before.author !== after.author || after.at - before.at > GROUP_MS) continue;
    if ('last' in before.row) before.row.last = false;
    if ('first' in after.row) after.row.first = false;
  }
}
