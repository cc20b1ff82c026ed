"""What must hold between conversations, their messages and their members."""

from __future__ import annotations

from typing import Final

from storage.domains.messaging.verify_journal import CHECKS as JOURNAL
from storage.domains.messaging.verify_marks import CHECKS as MARKS
from storage.verify import Check, first_row

NUMBERS = """
    WITH found AS (
         SELECT conversation_id AS id, max(seq) AS highest, count(*) AS number
           FROM messages GROUP BY conversation_id
         ), wrong AS (
         SELECT id, last_seq, coalesce(highest, 0) AS highest, coalesce(number, 0) AS number
           FROM conversations LEFT JOIN found USING (id)
          WHERE last_seq <> coalesce(highest, 0) OR last_seq <> coalesce(number, 0)
         )
    SELECT wrong.*, (
             SELECT min(one.seq) + 1
               FROM (SELECT 0 AS seq UNION ALL
                     SELECT seq FROM messages WHERE conversation_id = wrong.id) AS one
              WHERE NOT EXISTS (
                    SELECT FROM messages AS next
                     WHERE next.conversation_id = wrong.id AND next.seq = one.seq + 1)) AS missing
      FROM wrong
"""

ACTIVITY = """
    SELECT conversation.id, conversation.last_activity_at, message.created_at, message.seq
      FROM conversations AS conversation
      JOIN messages AS message ON message.conversation_id = conversation.id
                              AND message.seq = conversation.last_seq
     WHERE conversation.last_activity_at <> message.created_at
"""

# The unique indexes are not asked: what they promise is what is looked at.
REPEATED = """
    SELECT sender_id, client_id, count(*) AS number,
           min(conversation_id || ' ' || seq) AS one, max(conversation_id || ' ' || seq) AS other
      FROM messages GROUP BY sender_id, client_id HAVING count(*) > 1
"""

PAIRS = """
    WITH found AS (
         SELECT conversation.id, conversation.direct_low, conversation.direct_high,
                count(member.user_id) AS number,
                count(*) FILTER (WHERE member.user_id IN (direct_low, direct_high)) AS fitting
           FROM conversations AS conversation
           LEFT JOIN members AS member ON member.conversation_id = conversation.id
          WHERE conversation.kind = 'direct' GROUP BY conversation.id
         )
    SELECT * FROM found WHERE number <> 2 OR fitting <> 2
"""

LEADERLESS = """
    SELECT conversation.id, count(*) AS number
      FROM conversations AS conversation
      JOIN members AS member ON member.conversation_id = conversation.id
     WHERE conversation.kind = 'group'
     GROUP BY conversation.id HAVING count(*) FILTER (WHERE member.role = 'admin') = 0
"""

# Who came and went, as the notes among a group's messages tell it: `last` is null of the latest.
TURNS = """
    WITH told AS (
         SELECT conversation_id, seq, sender_id AS user_id, true AS inside
           FROM messages WHERE kind = 'note' AND note->>'type' = 'created'
          UNION ALL
         SELECT conversation_id, seq, named.user_id::uuid, note->>'type' IN ('created', 'added')
           FROM messages
          CROSS JOIN LATERAL json_array_elements_text(note->'userIds') AS named (user_id)
          WHERE kind = 'note' AND note->>'type' IN ('created', 'added', 'removed', 'left')
         ), turns AS (
         SELECT conversation_id, user_id, inside, seq AS first,
                lead(seq) OVER (PARTITION BY conversation_id, user_id ORDER BY seq) AS last
           FROM told
         )
"""

STRANGERS = f"""
    {TURNS}
    SELECT message.conversation_id, message.seq, message.sender_id
      FROM messages AS message
      JOIN conversations AS conversation ON conversation.id = message.conversation_id
     WHERE conversation.kind = 'direct' AND message.sender_id NOT IN (direct_low, direct_high)
     UNION ALL
    SELECT message.conversation_id, message.seq, message.sender_id
      FROM messages AS message
      JOIN conversations AS conversation ON conversation.id = message.conversation_id
     WHERE conversation.kind = 'group'
       AND NOT EXISTS (
           SELECT FROM turns
            WHERE turns.conversation_id = message.conversation_id
              AND turns.user_id = message.sender_id AND turns.inside
              AND message.seq >= turns.first
              AND message.seq <= coalesce(turns.last, message.seq))
"""  # noqa: S608  # The inserted text is a constant.

MEMBERSHIP = f"""
    {TURNS}, latest AS (
         SELECT * FROM turns WHERE last IS NULL
         ), members_of_groups AS (
         SELECT member.conversation_id, member.user_id, member.joined_seq
           FROM members AS member
           JOIN conversations ON conversations.id = member.conversation_id
          WHERE conversations.kind = 'group'
         )
    SELECT conversation_id, user_id,
           CASE WHEN joined_seq IS NULL THEN 'has no row'
                ELSE 'has a row that says they joined after message ' || joined_seq END AS said,
           CASE WHEN latest.inside IS NULL THEN 'never came in'
                WHEN latest.inside THEN 'came in with message ' || latest.first
                ELSE 'left with message ' || latest.first END AS told
      FROM latest FULL JOIN members_of_groups USING (conversation_id, user_id)
     WHERE coalesce(latest.inside, false) <> (joined_seq IS NOT NULL)
        OR joined_seq <> latest.first - 1
"""  # noqa: S608  # The inserted text is a constant.

CHECKS: Final = (
    Check(
        holds="each conversation's messages are numbered from 1 to its last, without a gap",
        tables=("conversations", "messages"),
        first=first_row(
            NUMBERS,
            "id",
            "conversation {id} says that its last message is number {last_seq}; it has {number} "
            "messages, the last of them number {highest}, and {missing} is the first number that "
            "no message has",
        ),
    ),
    Check(
        holds="each conversation was last active when its last message was written",
        tables=("conversations",),
        first=first_row(
            ACTIVITY,
            "id",
            "conversation {id} says that it was last active at {last_activity_at}, but its last "
            "message, number {seq}, is of {created_at}",
        ),
    ),
    Check(
        holds="a sender's client id names one message",
        tables=("messages",),
        first=first_row(
            REPEATED,
            "sender_id, client_id",
            "sender {sender_id} has {number} messages under the client id {client_id}, among them "
            "(conversation and number) {one} and {other}",
        ),
    ),
    Check(
        holds="a direct conversation has exactly its two members",
        tables=("conversations", "members"),
        first=first_row(
            PAIRS,
            "id",
            "conversation {id} is between {direct_low} and {direct_high}, but has {number} member "
            "rows, {fitting} of them theirs",
        ),
    ),
    Check(
        holds="a group that has members has an admin",
        tables=("conversations", "members"),
        first=first_row(
            LEADERLESS, "id", "conversation {id} has {number} members, and none of them is an admin"
        ),
    ),
    Check(
        holds="the members of a group are those who came in and have not left, by its notes",
        tables=("members", "messages"),
        first=first_row(
            MEMBERSHIP,
            "conversation_id, user_id",
            "user {user_id} {said} among the members of conversation {conversation_id}, but by its "
            "notes they {told}",
        ),
    ),
    Check(
        holds="every sender was a member when they wrote",
        tables=("messages",),
        first=first_row(
            STRANGERS,
            "conversation_id, seq",
            "message {seq} of conversation {conversation_id} is from {sender_id}, who was no "
            "member then",
        ),
    ),
    *JOURNAL,
    *MARKS,
)
