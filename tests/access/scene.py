"""The scene of the access matrix: Ana has a group and secrets; others stand around her.

Ben is a member of her group, Dan is blocked by her, Eve is a stranger, and somebody is not
signed in at all. Each scene is of new people, so what one case changes no other sees.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

from storage.actor import Actor
from storage.domains.messaging import CreateGroup, SendMessage, create_group, send_message
from storage.gate import Gate
from storage.ids import ConversationId, SessionId, new_id
from tests.world import another_session, block, person

Role: TypeAlias = Literal["admin", "member", "blocked", "stranger", "signed out"]
ROLES: tuple[Role, ...] = ("admin", "member", "blocked", "stranger", "signed out")

SECRET_TEXT = "the treasure is under the old oak"  # What Ana tells her group.
SECRET_BIO = "I collect antique maps"  # What she shows to everybody but Dan.


@dataclass(frozen=True, slots=True)
class Scene:
    ana: Actor
    ben: Actor
    dan: Actor
    eve: Actor
    group_id: ConversationId
    anas_phone: SessionId
    ana_handle: str

    def actor(self, role: Role) -> Actor | None:
        return {
            "admin": self.ana,
            "member": self.ben,
            "blocked": self.dan,
            "stranger": self.eve,
            "signed out": None,
        }[role]

    def secrets_from(self, role: Role) -> list[str]:
        """What must not stand in any answer to this role, whatever it asked."""
        of_ana = [f"{self.ana_handle}@example.test", str(self.anas_phone)]
        of_group = [SECRET_TEXT, str(self.group_id)]
        anas_self = [SECRET_BIO, str(self.ana.user_id), self.ana_handle]
        return {
            "admin": [],
            "member": of_ana,
            "blocked": of_ana + of_group + anas_self,
            "stranger": of_ana + of_group,
            "signed out": of_ana + of_group + anas_self,
        }[role]


async def set_up(gate: Gate) -> Scene:
    async with gate.database.transaction() as tx:
        suffix = new_id().hex[-10:]
        ana, ben, dan, eve = [
            await person(tx, f"{name}{suffix}") for name in ("Ana", "Ben", "Dan", "Eve")
        ]
        await tx.run("UPDATE users SET bio = $2 WHERE id = $1", ana.user_id, SECRET_BIO)
        await block(tx, ana, dan)
        anas_phone = await another_session(tx, ana, "Ana's phone")
    group = await gate.step(
        create_group,
        ana,
        CreateGroup(name="Hunters", user_ids=[ben.user_id], client_id=new_id()),
    )
    await gate.step(
        send_message,
        ana,
        SendMessage(conversation_id=group.id, text=SECRET_TEXT, client_id=new_id()),
    )
    return Scene(ana, ben, dan, eve, group.id, anas_phone, f"ana{suffix}")
