"""Finding people by the beginning of their handle, or of any word of their name."""

import re
from typing import Annotated

from msgspec import Meta

from storage.action import action
from storage.actor import Actor
from storage.database import Transaction
from storage.domains.friends import UserPage, handle_after, user_page
from storage.domains.identity import UserSummary
from storage.domains.visibility.sight import sees
from storage.pages import PAGE_ROWS_DEFAULT
from storage.words import Cursor, Limit, Words

QUERY_CHARACTERS_MAX = 80
QUERY_WORDS_MAX = 8
NEXT_HANDLES = 1000


class SearchUsers(Words):
    query: Annotated[str, Meta(min_length=1, max_length=QUERY_CHARACTERS_MAX)]
    limit: Limit = PAGE_ROWS_DEFAULT
    cursor: Cursor | None = None


@action(reads=True)
async def search_users(tx: Transaction, actor: Actor, command: SearchUsers) -> UserPage:
    """People whose handle or name has words that begin like those of the query, by handle."""
    words = prefix_query(command.query)
    if words is None:
        return UserPage(users=[], next_cursor=None)
    asked = (actor.user_id, words, handle_after(command.cursor), command.limit + 1)
    # Many begin with "a" and few with "anastasia", and PostgreSQL cannot tell which is which. Who
    # is common is among the next handles; only then is nobody else looked at.
    rows = await tx.rows(SEARCH_NEXT, *asked, NEXT_HANDLES)
    if len(rows) <= command.limit:
        rows = await tx.rows(SEARCH_ALL, *asked)
    return user_page([UserSummary(**row) for row in rows], command.limit)


def prefix_query(query: str) -> str | None:
    """The query for to_tsquery: each word as a beginning. None when it has no words."""
    # Only letters and digits are left, so nothing can mean anything to the query's syntax.
    words = re.findall(r"[^\W_]+", query)[:QUERY_WORDS_MAX]
    return " & ".join(f"{word}:*" for word in words) or None


SEARCH_NEXT = f"""
    SELECT person.id, person.handle, person.name
      FROM (SELECT * FROM users WHERE handle > $3 ORDER BY handle LIMIT $5) AS person
     WHERE person.words @@ to_tsquery('simple', $2) AND {sees("$1", "person")}
     ORDER BY person.handle LIMIT $4
"""  # noqa: S608  # The inserted text is our own SQL.

# Sorted by an expression, so that the index on words is used, and never that on handles.
SEARCH_ALL = f"""
    SELECT person.id, person.handle, person.name FROM users AS person
     WHERE person.words @@ to_tsquery('simple', $2) AND person.handle > $3
       AND {sees("$1", "person")}
     ORDER BY person.handle || '' LIMIT $4
"""  # noqa: S608  # The inserted text is our own SQL.
