"""One type per kind of id, so that a user's id cannot be passed where a conversation's is wanted.

Ids are UUIDv7: they sort by the moment they were made, which keeps indexes dense, and they
can be made anywhere without asking.
"""

from typing import NewType
from uuid import UUID

import uuid_utils.compat

UserId = NewType("UserId", UUID)
SessionId = NewType("SessionId", UUID)
ConversationId = NewType("ConversationId", UUID)
MessageId = NewType("MessageId", UUID)
JobId = NewType("JobId", UUID)


def new_id() -> UUID:
    return uuid_utils.compat.uuid7()
