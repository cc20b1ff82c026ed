"""What the journal must have told of conversations: each message once, and who is in them."""

from __future__ import annotations

from typing import Final

from storage.journal_check import SURELY_KEPT_DAYS
from storage.verify import Check, first_row

# Topics are named as in the journal module.
UNTOLD = """
    SELECT message.conversation_id, message.seq, message.id
      FROM messages AS message
     WHERE message.created_at > now() - make_interval(days => $1)
       AND NOT EXISTS (
           SELECT FROM journal
            WHERE journal.topic = 'conversation:' || message.conversation_id
              AND journal.kind = 'new_message'
              AND (journal.body->>'seq')::bigint = message.seq)
"""

# An entry is what its readers were told, so the row must still say the same.
UNLIKE = """
    SELECT entry.topic, entry.seq, entry.body->>'seq' AS number,
           CASE WHEN message.seq IS NULL THEN 'no message has that number'
                WHEN message.id::text <> entry.body->>'id' THEN 'the message has another id'
                WHEN message.text <> entry.body->>'text' THEN 'the message has another text'
                WHEN message.sender_id::text <> entry.body->>'senderId'
                     THEN 'the message has another sender'
                WHEN message.client_id::text <> entry.body->>'clientId'
                     THEN 'the message has another client id'
                ELSE 'the message has another kind or note' END AS said
      FROM journal AS entry
      LEFT JOIN messages AS message
        ON entry.topic = 'conversation:' || message.conversation_id
       AND (entry.body->>'seq')::bigint = message.seq
     WHERE entry.kind = 'new_message'
       AND (message.seq IS NULL
            OR message.id::text <> entry.body->>'id'
            OR message.text <> entry.body->>'text'
            OR message.sender_id::text <> entry.body->>'senderId'
            OR message.client_id::text <> entry.body->>'clientId'
            OR message.kind <> entry.body->>'kind'
            OR message.note::jsonb IS DISTINCT FROM nullif((entry.body->'note')::jsonb, 'null'))
"""

TWICE_TOLD = """
    SELECT topic, body->>'seq' AS number, count(*) AS times, min(seq) AS first, max(seq) AS last
      FROM journal WHERE kind = 'new_message'
     GROUP BY topic, body->>'seq' HAVING count(*) > 1
"""

# What somebody's own topic said last of a conversation. The other of a direct one hears of it with
# its first message.
BELONGING = """
    WITH told AS (
         SELECT DISTINCT ON (topic, conversation_id) *
           FROM (SELECT topic, seq, kind, (body->>'fromSeq')::bigint AS from_seq,
                        coalesce(body->>'conversationId', body->'conversation'->>'id')::uuid
                        AS conversation_id
                   FROM journal
                  WHERE kind IN ('conversation_added', 'conversation_removed')
                    AND at > now() - make_interval(days => $1)) AS entries
          ORDER BY topic, conversation_id, seq DESC
         ), present AS (
         SELECT 'user:' || user_id AS topic, member.conversation_id, member.from_topic_seq,
                conversation.kind = 'group' AS in_group,
                member.joined_at > now() - make_interval(days => $1)
                AND (conversation.kind = 'group' OR conversation.last_seq > 0
                     OR conversation.created_by = member.user_id) AS is_told
           FROM members AS member
           JOIN conversations AS conversation ON conversation.id = member.conversation_id
         )
    SELECT topic, conversation_id,
           CASE WHEN told.kind IS NULL THEN 'does not speak of it'
                ELSE 'says ' || told.kind || ' in entry ' || told.seq
                     || coalesce(', from ' || told.from_seq, '') END AS told,
           coalesce('a member from entry ' || from_topic_seq, 'no member') AS said
      FROM told FULL JOIN present USING (topic, conversation_id)
     WHERE told.kind IS NULL AND is_told
        OR told.kind = 'conversation_removed' AND from_topic_seq IS NOT NULL
        OR told.kind = 'conversation_added' AND from_topic_seq IS NULL
        OR told.kind = 'conversation_added' AND in_group AND told.from_seq <> from_topic_seq
"""

CHECKS: Final = (
    Check(
        holds=f"each message of the last {SURELY_KEPT_DAYS} days has its journal entry",
        tables=("messages", "journal"),
        first=first_row(
            UNTOLD,
            "conversation_id, seq",
            "message {seq} of conversation {conversation_id} (id {id}) has no new_message in the "
            "journal: nobody was told of it",
            SURELY_KEPT_DAYS,
        ),
    ),
    Check(
        holds="each journal entry of a message says what the message says",
        tables=("messages", "journal"),
        first=first_row(
            UNLIKE,
            "topic, seq",
            "entry {seq} of topic {topic} tells of message {number}, but {said}",
        ),
    ),
    Check(
        holds="no message stands in the journal twice",
        tables=("journal",),
        first=first_row(
            TWICE_TOLD,
            "topic, first",
            "topic {topic} tells of message {number} {times} times, in its entries {first} and "
            "{last}",
        ),
    ),
    Check(
        holds="everybody's own topic says which conversations they are in",
        tables=("members", "journal"),
        first=first_row(
            BELONGING,
            "topic, conversation_id",
            "topic {topic} {told} of conversation {conversation_id}, whose rows say: {said}",
            SURELY_KEPT_DAYS,
        ),
    ),
)
