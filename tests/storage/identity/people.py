"""Ana at her laptop, as the tests of identity know her."""

from storage.actor import Visitor
from storage.domains.identity import Login, Signup, Tokens, login, signup
from storage.gate import Gate

PASSWORD = "seven quiet otters"
LAPTOP = Visitor(
    address="192.0.2.1",
    user_agent="Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/131.0.0.0 Safari/537.36",
)
PHONE = Visitor(address="192.0.2.2", user_agent="Loopync for phones")
ANA = Signup(name="Ana", handle="ana", email="ana@example.test", password=PASSWORD)


async def sign_up_ana(gate: Gate) -> Tokens:
    return await gate.perform(signup, LAPTOP, ANA)


async def sign_in_ana(gate: Gate, *, password: str = PASSWORD) -> Tokens:
    return await gate.perform(login, PHONE, Login(login="ana", password=password))


async def told(gate: Gate, kind: str) -> list[str]:
    """What the journal holds of one kind, oldest first."""
    async with gate.database.transaction(read_only=True) as tx:
        rows = await tx.rows("SELECT body FROM journal WHERE kind = $1 ORDER BY seq", kind)
    return [row["body"] for row in rows]
