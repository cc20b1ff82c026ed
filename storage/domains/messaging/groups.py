"""Groups: who is in, who decides, and what the group is called.

Whoever changes a group holds the lock of its conversation, as senders do. So everybody sees
one order: a message is either before a person joined or after.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, ClassVar
from uuid import UUID

import msgspec

from storage import journal
from storage.action import action
from storage.actor import Actor
from storage.database import Record, Transaction
from storage.domains.identity import clean_line
from storage.domains.messaging.conversations import (
    CONVERSATIONS_MAX,
    MEMBERS_MAX,
    Conversation,
    ConversationAdded,
    ConversationRemoved,
    Member,
    MemberRole,
    crowded_people,
    load_one,
)
from storage.domains.messaging.members import find_members, role_of
from storage.domains.messaging.messages import Draft, Note, NoteType, append
from storage.domains.visibility import find_users, may_message
from storage.errors import Forbidden, InvalidInput, NotFound
from storage.ids import ConversationId, UserId, new_id
from storage.journal import conversation_topic, emit, user_topic
from storage.words import Nothing, Words

ADDED_MAX = 99
NAME_CHARACTERS_MAX = 100

GroupName = Annotated[str, msgspec.Meta(min_length=1, max_length=NAME_CHARACTERS_MAX)]
Added = Annotated[list[UserId], msgspec.Meta(min_length=1, max_length=ADDED_MAX)]


class CreateGroup(Words):
    name: GroupName
    user_ids: Added
    client_id: UUID


class UpdateConversation(Words):
    conversation_id: ConversationId
    name: GroupName


class AddMembers(Words):
    conversation_id: ConversationId
    user_ids: Added


class RemoveMember(Words):
    conversation_id: ConversationId
    user_id: UserId


class SetMemberRole(Words):
    conversation_id: ConversationId
    user_id: UserId
    role: MemberRole


class LeaveConversation(Words):
    conversation_id: ConversationId


class ConversationUpdated(Words):
    kind: ClassVar[str] = "conversation_updated"
    conversation_id: ConversationId
    name: str


class MemberAdded(Words):
    kind: ClassVar[str] = "member_added"
    conversation_id: ConversationId
    member: Member


class MemberRemoved(Words):
    kind: ClassVar[str] = "member_removed"
    conversation_id: ConversationId
    user_id: UserId


class MemberUpdated(Words):
    kind: ClassVar[str] = "member_updated"
    conversation_id: ConversationId
    user_id: UserId
    role: MemberRole


@action
async def create_group(tx: Transaction, creator: Actor, command: CreateGroup) -> Conversation:
    """Make a group with oneself as its admin."""
    name = _name(command.name)
    asked = dict.fromkeys(command.user_ids)
    others = [user_id for user_id in asked if user_id != creator.user_id]
    if not others:
        raise InvalidInput("userIds", "must name somebody else")
    await _check_may_add(tx, creator, others)
    group_id = ConversationId(new_id())
    await tx.run(CREATE, group_id, name, creator.user_id)
    await tx.run(JOIN, group_id, [creator.user_id], "admin", 0, 0)
    await tx.run(JOIN, group_id, others, "member", 0, 0)
    await _tell_added(tx, [creator.user_id], group_id, from_seq=0)
    await _tell_added(tx, others, group_id, from_seq=0)
    await _note(tx, creator, group_id, 0, "created", others, name)
    return await load_one(tx, creator.user_id, group_id)


@action
async def update_conversation(
    tx: Transaction, admin: Actor, command: UpdateConversation
) -> Conversation:
    """Rename a group."""
    name = _name(command.name)
    group = await _lock_as_admin(tx, admin, command.conversation_id)
    if name != group["name"]:
        await tx.run(RENAME, command.conversation_id, name)
        updated = ConversationUpdated(conversation_id=command.conversation_id, name=name)
        emit(tx, conversation_topic(command.conversation_id), updated)
        await _note(tx, admin, command.conversation_id, group["last_seq"], "renamed", [], name)
    return await load_one(tx, admin.user_id, command.conversation_id)


@action
async def add_members(tx: Transaction, admin: Actor, command: AddMembers) -> Conversation:
    """Add people to a group; who is in already stays as they are."""
    group_id = command.conversation_id
    group = await _lock_as_admin(tx, admin, group_id)
    present = {row["user_id"] for row in await tx.rows(FIND_MEMBER_IDS, group_id)}
    fresh = [user_id for user_id in dict.fromkeys(command.user_ids) if user_id not in present]
    if len(present) + len(fresh) > MEMBERS_MAX:
        raise InvalidInput("userIds", f"a group has at most {MEMBERS_MAX} members")
    if fresh:
        await _check_may_add(tx, admin, fresh)
        # Behind the lock no message can come between this number and their joining.
        from_seq = await journal.tip(tx, conversation_topic(group_id))
        await tx.run(JOIN, group_id, fresh, "member", group["last_seq"], from_seq)
        # Their own news first: then they listen already when the group hears of them.
        await _tell_added(tx, fresh, group_id, from_seq=from_seq)
        for member in await find_members(tx, group_id, fresh):
            added = MemberAdded(conversation_id=group_id, member=member)
            emit(tx, conversation_topic(group_id), added)
        await _note(tx, admin, group_id, group["last_seq"], "added", fresh)
    return await load_one(tx, admin.user_id, group_id)


@action
async def remove_member(tx: Transaction, admin: Actor, command: RemoveMember) -> Conversation:
    """Take somebody out of a group. To go oneself is `leave_conversation`."""
    group = await _lock_as_admin(tx, admin, command.conversation_id)
    if command.user_id == admin.user_id:
        raise InvalidInput("userId", "to go yourself, leave the conversation")
    if not await tx.run(LEAVE, command.conversation_id, command.user_id):
        raise NotFound("member")
    await _tell_removed(tx, admin, group, command.user_id, "removed")
    return await load_one(tx, admin.user_id, command.conversation_id)


@action
async def set_member_role(tx: Transaction, admin: Actor, command: SetMemberRole) -> Conversation:
    """Make a member an admin, or an admin a member again."""
    group_id = command.conversation_id
    group = await _lock_as_admin(tx, admin, group_id)
    role = await role_of(tx, group_id, command.user_id)
    if role is None:
        raise NotFound("member")
    if role != command.role:
        if role == "admin" and await tx.value(COUNT_ADMINS, group_id) == 1:
            raise Forbidden("role", "a group keeps at least one admin")
        await tx.run(SET_ROLE, group_id, command.user_id, command.role)
        _tell_role(tx, group_id, command.user_id, command.role)
        change: NoteType = "promoted" if command.role == "admin" else "demoted"
        await _note(tx, admin, group_id, group["last_seq"], change, [command.user_id])
    return await load_one(tx, admin.user_id, group_id)


@action
async def leave_conversation(tx: Transaction, leaver: Actor, command: LeaveConversation) -> Nothing:
    """Leave a group. Its last admin hands over to the member who is there longest."""
    group_id = command.conversation_id
    group = await _lock_as_member(tx, leaver, group_id)
    await tx.run(LEAVE, group_id, leaver.user_id)
    if not await tx.value(COUNT_ADMINS, group_id):
        heir: UserId | None = await tx.value(FIND_LONGEST, group_id)
        if heir is not None:
            await tx.run(SET_ROLE, group_id, heir, "admin")
            _tell_role(tx, group_id, heir, "admin")
    await _tell_removed(tx, leaver, group, leaver.user_id, "left")
    return Nothing()


async def _lock_as_member(tx: Transaction, actor: Actor, conversation_id: ConversationId) -> Record:
    """The locked group. What one is not in does not exist; a pair has nothing to manage."""
    group, _ = await _lock(tx, actor, conversation_id)
    return group


async def _lock_as_admin(tx: Transaction, actor: Actor, conversation_id: ConversationId) -> Record:
    group, role = await _lock(tx, actor, conversation_id)
    if role != "admin":
        raise Forbidden("conversation", "only admins may change a group")
    return group


async def _lock(
    tx: Transaction, actor: Actor, conversation_id: ConversationId
) -> tuple[Record, MemberRole]:
    group = await tx.row(LOCK, conversation_id)
    # Read behind the lock: whoever was removed before us is no member any more.
    role = await role_of(tx, conversation_id, actor.user_id)
    if group is None or role is None:
        raise NotFound("conversation")
    if group["kind"] != "group":
        raise Forbidden("conversation", "a direct conversation has no members to manage")
    return group, role


async def _check_may_add(tx: Transaction, actor: Actor, user_ids: Sequence[UserId]) -> None:
    """One may add whom one may message; whom one cannot see does not exist."""
    if len(await find_users(tx, actor.user_id, list(user_ids))) < len(set(user_ids)):
        raise NotFound("userIds")
    pairs = {(actor.user_id, user_id) for user_id in user_ids}
    if pairs - await may_message(tx, list(pairs)):
        raise Forbidden("userIds", "some of them accept messages from friends only")
    if await crowded_people(tx, [actor.user_id, *user_ids]):
        raise Forbidden("userIds", f"some of you are in {CONVERSATIONS_MAX} conversations already")


async def _tell_added(
    tx: Transaction, user_ids: Sequence[UserId], group_id: ConversationId, *, from_seq: int
) -> None:
    """To people of one role who join at one moment the group looks the same."""
    seen = await load_one(tx, user_ids[0], group_id)
    for user_id in user_ids:
        emit(tx, user_topic(user_id), ConversationAdded(conversation=seen, from_seq=from_seq))


async def _tell_removed(
    tx: Transaction, actor: Actor, group: Record, user_id: UserId, note: NoteType
) -> None:
    removed = MemberRemoved(conversation_id=group["id"], user_id=user_id)
    emit(tx, conversation_topic(group["id"]), removed)
    emit(tx, user_topic(user_id), ConversationRemoved(conversation_id=group["id"]))
    await _note(tx, actor, group["id"], group["last_seq"], note, [user_id])


def _tell_role(
    tx: Transaction, group_id: ConversationId, user_id: UserId, role: MemberRole
) -> None:
    updated = MemberUpdated(conversation_id=group_id, user_id=user_id, role=role)
    emit(tx, conversation_topic(group_id), updated)


async def _note(
    tx: Transaction,
    actor: Actor,
    group_id: ConversationId,
    last_seq: int,
    note_type: NoteType,
    user_ids: Sequence[UserId],
    name: str | None = None,
) -> None:
    draft = Draft(
        conversation_id=group_id,
        sender_id=actor.user_id,
        client_id=new_id(),
        text="",
        note=Note(type=note_type, user_ids=list(user_ids), name=name),
    )
    await append(tx, [draft], {group_id: last_seq})


def _name(asked: str) -> str:
    return clean_line("name", asked, characters_max=NAME_CHARACTERS_MAX, visible=True)


CREATE = """
    INSERT INTO conversations (id, kind, name, created_by) VALUES ($1, 'group', $2, $3)
"""

JOIN = """
    INSERT INTO members (conversation_id, user_id, role, joined_seq, read_seq, delivered_seq,
                         from_topic_seq)
    SELECT $1, user_id, $3, $4, $4, $4, $5 FROM unnest($2::uuid[]) AS user_id
"""

LOCK = """
    SELECT id, kind, name, last_seq FROM conversations WHERE id = $1 FOR NO KEY UPDATE
"""

RENAME = "UPDATE conversations SET name = $2 WHERE id = $1"

LEAVE = "DELETE FROM members WHERE conversation_id = $1 AND user_id = $2"

SET_ROLE = "UPDATE members SET role = $3 WHERE conversation_id = $1 AND user_id = $2"

COUNT_ADMINS = "SELECT count(*) FROM members WHERE conversation_id = $1 AND role = 'admin'"

FIND_MEMBER_IDS = "SELECT user_id FROM members WHERE conversation_id = $1"

FIND_LONGEST = """
    SELECT user_id FROM members WHERE conversation_id = $1 ORDER BY joined_at, user_id LIMIT 1
"""
