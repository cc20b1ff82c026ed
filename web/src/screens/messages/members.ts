import type { Client, Id, Member } from '../../lib/sdk';

const PAGE = 100;

/** Every member of a conversation, at most 1,000. */
export async function allMembers(client: Client, conversationId: Id): Promise<Member[]> {
  const members: Member[] = [];
  let cursor: string | null = null;
  do {
    const body = { conversationId, limit: PAGE, ...(cursor ? { cursor } : {}) };
    const page: { members: Member[]; nextCursor: string | null } = await client.call('list_members', body);
    members.push(...page.members);
    cursor = page.nextCursor;
  } while (cursor);
  return members;
}
