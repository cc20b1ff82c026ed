"""People to try Loopync with: friends who already talk. Made through the gate, like all else.

Their password is public, so they exist only where `Settings.demo` allows: on a loopback address,
in the embedded database. Killed halfway, the next run makes the rest.
"""

from __future__ import annotations

from uuid import UUID, uuid5

import trio

from ops.report import said_to_person
from ops.say import Stop, say
from storage.actor import Actor
from storage.domains.friends import OtherUser, accept_friend, request_friend
from storage.domains.identity import create_user, hash_password
from storage.domains.messaging import (
    CreateGroup,
    MarkRead,
    SendMessage,
    create_group,
    mark_read,
    send_message,
)
from storage.gate import Gate, open_gate
from storage.ids import ConversationId, SessionId, UserId, new_id
from storage.settings import Settings

PASSWORD = "loopync-demo-2026"  # public on purpose
PEOPLE = {
    "ana": "Ana Sousa",
    "ben": "Ben Okafor",
    "chloe": "Chloé Martin",
    "dev": "Dev Patel",
    "emi": "Emi Tanaka",
}
FRIENDS = [
    *[("ana", "ben"), ("ana", "chloe"), ("ana", "dev"), ("ana", "emi")],
    *[("ben", "chloe"), ("ben", "dev"), ("chloe", "emi")],
]
NAMESPACE = UUID(
    "5f0c2a3e-7c1b-4d6f-9a55-0d2f8f0f6d10"
)  # our own, so that a rerun sends nothing twice
GROUP = "Weekend in Sintra"

# Who, to whom (a person, or the group when None), what.
MESSAGES: list[tuple[str, str | None, str]] = [
    ("ben", "ana", "Hey Ana! Did you get the tickets for Saturday?"),
    ("ana", "ben", "Got them 🎟️ Two for the nine o'clock show."),
    ("ben", "ana", "You are the best. I'll bring the snacks."),
    ("ana", "ben", "Deal. No raisins this time, please."),
    ("ben", "ana", "One raisin. For tradition."),
    ("chloe", "ana", "I finished the first draft of the poster. Want to see it tomorrow?"),
    ("ana", "chloe", "Yes! After lunch, around two?"),
    ("chloe", "ana", "Two is perfect ☕"),
    ("dev", "ana", "The 8:14 was late again, so I read half of your book on the platform."),
    ("dev", "ana", "Chapter six!! You could have warned me."),
    ("ben", "chloe", "Are you driving on Friday, or do we take the train?"),
    ("chloe", "ben", "Train. My car makes a noise that I would rather not know about."),
    ("ana", None, "So: who is in for the palace, and who just wants pastries?"),
    ("chloe", None, "Is “both” an answer?"),
    ("ben", None, "Pastries first, palace if we can still walk."),
    ("emi", None, "I found a path through the park, 5 km, with a view of the sea at the end."),
    ("ben", None, "5 km is a lot of pastries. I'm in."),
    ("ana", None, "Train at 9:40 from Rossio then. Meet under the clock at 9:25?"),
    ("chloe", None, "I'll be the one with the umbrella, whatever the forecast says."),
    ("emi", "ana", "Shall I book a table for the evening? There is a place with fado upstairs."),
    ("emi", "ana", "They only take five or more, so count us all in 😄"),
]


async def make_demo(gate: Gate) -> bool:
    """Whether there was anything to do."""
    async with gate.database.transaction(read_only=True) as tx:
        if await tx.value("SELECT true FROM messages WHERE client_id = $1", _once(len(MESSAGES))):
            return False
    people = await _people(gate)
    for one, other in FRIENDS:
        await gate.step(request_friend, people[one], OtherUser(user_id=people[other].user_id))
        await gate.step(accept_friend, people[other], OtherUser(user_id=people[one].user_id))
    members = [people[handle].user_id for handle in ("ben", "chloe", "emi")]
    command = CreateGroup(name=GROUP, user_ids=members, client_id=_once(0))
    group = await gate.step(create_group, people["ana"], command)
    read_up_to: dict[tuple[str, ConversationId], int] = {}
    for number, (sender, receiver, text) in enumerate(MESSAGES, 1):
        said = SendMessage(
            to=None if receiver is None else people[receiver].user_id,
            conversation_id=group.id if receiver is None else None,
            text=text,
            client_id=_once(number),
        )
        sent = await gate.step(send_message, people[sender], said)
        # Who answers has read what came before.
        read_up_to[sender, sent.conversation_id] = sent.seq
    for (reader, conversation_id), seq in read_up_to.items():
        mark = MarkRead(conversation_id=conversation_id, seq=seq)
        await gate.step(mark_read, people[reader], mark)
    return True


async def _people(gate: Gate) -> dict[str, Actor]:
    password_hash = await hash_password(PASSWORD)
    people = {}
    async with gate.database.transaction() as tx:
        for handle, name in PEOPLE.items():
            email = f"{handle}@demo.test"
            known = await tx.row("SELECT id, email FROM users WHERE handle = $1", handle)
            if known is not None and known["email"] != email:
                raise Stop(f"No demo: somebody has signed up as {handle}.", code=0)
            user_id: UserId
            if known is not None:
                user_id = known["id"]
            else:
                user_id = await create_user(
                    tx, handle=handle, name=name, email=email, password_hash=password_hash
                )
            people[handle] = Actor(user_id=user_id, session_id=SessionId(new_id()))
    return people


def _once(number: int) -> UUID:
    return uuid5(NAMESPACE, str(number))


async def main() -> None:
    async with open_gate(Settings.from_environment()) as gate:
        if await make_demo(gate):
            say("Made the demo accounts.")


if __name__ == "__main__":
    with said_to_person():
        trio.run(main)
