"""What must hold of the journal's numbers and of the remembered answers, whatever they tell of."""

from __future__ import annotations

from typing import Final

from storage.housekeeping import JOURNAL_DAYS_KEPT
from storage.verify import Check, first_row

SURELY_KEPT_DAYS: Final = JOURNAL_DAYS_KEPT - 1
"""An entry younger than this stands in the journal. Of older ones nothing is concluded: an entry's
time is when its transaction began, so within a topic they are not forgotten quite in order."""

GAPS = """
    WITH kept AS (
         SELECT topic, min(seq) AS first FROM journal
          WHERE at > now() - make_interval(days => $1) GROUP BY topic
         ), found AS (
         SELECT topic, kept.first, max(seq) AS highest, count(*) AS number
           FROM kept JOIN journal USING (topic) WHERE journal.seq >= kept.first
          GROUP BY topic, kept.first
         ), wrong AS (
         SELECT topic, found.first, coalesce(topics.last_seq, 0) AS last_seq, highest, number
           FROM found LEFT JOIN topics USING (topic)
          WHERE topics.last_seq IS DISTINCT FROM highest OR number <> highest - found.first + 1
         )
    SELECT wrong.*, (
             SELECT min(entry.seq) + 1 FROM journal AS entry
              WHERE entry.topic = wrong.topic AND entry.seq >= wrong.first AND NOT EXISTS (
                    SELECT FROM journal AS next
                     WHERE next.topic = entry.topic AND next.seq = entry.seq + 1)) AS missing
      FROM wrong
"""

BEYOND = """
    SELECT topic, seq, coalesce(topics.last_seq, 0) AS last_seq
      FROM journal LEFT JOIN topics USING (topic)
     WHERE journal.seq > coalesce(topics.last_seq, 0) OR journal.seq < 1
"""

UNANSWERED = """
    SELECT user_id, action, key, created_at FROM idempotency
     WHERE answer IS NULL
"""

CHECKS: Final = (
    Check(
        holds="no journal entry is numbered beyond its topic",
        tables=("topics", "journal"),
        first=first_row(
            BEYOND,
            "topic, seq",
            "topic {topic} has an entry {seq} in the journal, but says that its last is {last_seq}",
        ),
    ),
    Check(
        holds="each topic's last number is the journal's, and no number before it is missing",
        tables=("topics", "journal"),
        first=first_row(
            GAPS,
            "topic",
            "topic {topic} says that its last entry is {last_seq}; the journal holds {number} from "
            "{first} to {highest}, and {missing} is the first that is not there",
            SURELY_KEPT_DAYS,
        ),
    ),
    Check(
        holds="each remembered request has its answer",
        tables=("idempotency",),
        first=first_row(
            UNANSWERED,
            "user_id, action, key",
            "user {user_id} asked {action} with the key {key} at {created_at}, and no answer is "
            "remembered",
        ),
    ),
)
