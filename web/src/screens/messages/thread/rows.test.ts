import { describe, expect, it } from 'vitest';
import type { Message, OutboxItem } from '../../../lib/sdk';
import { holds, rowsOf, UNREAD_KEY, type Row } from './rows';

const ANA = 'ana';
const BEN = 'ben';

function message(seq: number, senderId = BEN, more: Partial<Message> = {}): Message {
  const createdAt = new Date(2026, 0, 10, 12, seq).toISOString();
  return { id: `m${seq}`, conversationId: 'c', seq, senderId, kind: 'text', text: `${seq}`, note: null, createdAt, clientId: null, ...more };
}

function rows(messages: Message[], more: { pending?: OutboxItem[]; unreadAfter?: number | null } = {}): Row[] {
  return rowsOf({ messages, pending: more.pending ?? [], meId: ANA, unreadAfter: more.unreadAfter ?? null });
}

const runs = (all: Row[]): string[] =>
  all.flatMap((row) => (row.type === 'bubble' || row.type === 'pending' ? [`${row.first ? '[' : '-'}${row.last ? ']' : '-'}`] : []));

describe('the rows of a thread', () => {
  it('begin each day with its name', () => {
    const other = message(2, BEN, { createdAt: new Date(2026, 0, 11).toISOString() });
    expect(rows([message(1), other]).map((row) => row.type)).toEqual(['day', 'bubble', 'day', 'bubble']);
  });

  it('keep their look when older ones come, but for headings and the bubble that may join an older run', () => {
    const all = rows([message(1), message(2), message(3)]);
    expect(all.map((row) => holds(row, all, true))).toEqual([false, false, true, true]);
    expect(all.map((row) => holds(row, all, false))).toEqual([false, true, true, true]);
  });

  it('join neighbours of one author, and part them after a pause or another author', () => {
    expect(runs(rows([message(1), message(2), message(3, ANA), message(4), message(20)]))).toEqual(['[-', '-]', '[]', '[]', '[]']);
  });

  it('draw the line once, above the first unread message of somebody else', () => {
    const all = rows([message(1), message(2, ANA), message(3), message(4)], { unreadAfter: 1 });
    const at = all.findIndex((row) => row.key === UNREAD_KEY);
    expect(all.filter((row) => row.key === UNREAD_KEY)).toHaveLength(1);
    expect(all[at + 1]?.key).toBe('m3');
  });

  it('draw no line when all unread messages are mine or notes', () => {
    const note = message(3, BEN, { kind: 'note' });
    expect(rows([message(1), message(2, ANA), note], { unreadAfter: 1 }).some((row) => row.key === UNREAD_KEY)).toBe(false);
  });

  it('draw once what waits for an answer though it has arrived', () => {
    const createdAt = message(1).createdAt;
    const item: OutboxItem = { clientId: 'x', conversationId: 'c', text: '1', createdAt, state: 'waiting', reason: null };
    const keys = rows([message(1, ANA, { clientId: 'x' })], { pending: [item] }).map((row) => row.key);
    expect(keys.filter((key) => key === 'x')).toHaveLength(1);
  });

  it('keep the key of a message of mine from waiting to sent', () => {
    const createdAt = message(1).createdAt;
    const item: OutboxItem = { clientId: 'x', conversationId: 'c', text: '1', createdAt, state: 'waiting', reason: null };
    const before = rows([], { pending: [item] }).at(-1)?.key;
    const after = rows([message(1, ANA, { clientId: 'x' })]).at(-1)?.key;
    expect(after).toBe(before);
  });
});
