"""`./loopync admin …`: what is done from the machine itself, not through a door."""

from __future__ import annotations

import argparse
import getpass
import os
import sys
from typing import TypeAlias

import msgspec
import trio

from ops.instance import opened
from ops.report import said_to_person
from ops.say import Stop, say
from ops.verify import verify_all
from storage.actor import Visitor
from storage.database import Transaction
from storage.domains.identity import (
    Logout,
    Signup,
    Tokens,
    create_user,
    logout,
    nobodys_hash,
    signup,
    start_session,
    tokens_of,
)
from storage.gate import Gate
from storage.settings import Settings
from storage.words import Words

ACCOUNTS_MAX = 1_000_000
ACCOUNTS_PER_TRANSACTION = 200
HERE = Visitor(address="127.0.0.1", user_agent="loopync admin")

Arguments: TypeAlias = argparse.Namespace


class MadeAccount(Words):
    """One line of `make-accounts`. The access token lasts 15 minutes, the refresh token 30 days."""

    handle: str
    user_id: str
    session_id: str
    access_token: str
    refresh_token: str


async def create_admin(gate: Gate, arguments: Arguments) -> None:
    given = {
        "handle": arguments.handle,
        "email": arguments.email,
        "name": arguments.name or arguments.handle,
        "password": _password(),
    }
    try:
        command = msgspec.convert(given, Signup)
    except msgspec.ValidationError as error:
        what, _, place = str(error).partition(" - at `$.")
        field = place.rstrip("`") or "account"
        raise Stop(f"No account can be made of this: the {field} is wrong. {what}.") from None
    # As anybody signs up, so that the same rules hold; then more.
    tokens = await gate.perform(signup, HERE, command)
    async with gate.database.transaction() as tx:
        await tx.run("UPDATE users SET role = 'admin' WHERE id = $1", tokens.user_id)
    await gate.perform(logout, HERE, Logout(refresh_token=tokens.refresh_token))
    say(f"{arguments.handle} is an administrator.")


async def make_accounts(gate: Gate, arguments: Arguments) -> None:
    """People without a password, each with a session, as JSON lines."""
    if not 1 <= arguments.number <= ACCOUNTS_MAX:
        raise Stop(f"make-accounts makes 1 to {ACCOUNTS_MAX} accounts, not {arguments.number}.")
    async with gate.database.transaction(read_only=True) as tx:
        last: int = await tx.value(FIND_LAST, arguments.prefix)
    numbers = range(last + 1, last + 1 + arguments.number)
    password_hash = nobodys_hash()
    for first in range(numbers.start, numbers.stop, ACCOUNTS_PER_TRANSACTION):
        chosen = numbers[first - numbers.start :][:ACCOUNTS_PER_TRANSACTION]

        async def make(tx: Transaction, chosen: range = chosen) -> list[tuple[str, Tokens]]:
            made = []
            for number in chosen:
                handle = f"{arguments.prefix}{number}"
                user_id = await create_user(
                    tx,
                    handle=handle,
                    name=handle,
                    email=f"{handle}@load.test",
                    password_hash=password_hash,
                )
                session = await start_session(tx, HERE, user_id)
                made.append((handle, tokens_of(gate.settings, session)))
            return made

        for handle, tokens in await gate.transact(make):
            account = MadeAccount(
                handle=handle,
                user_id=str(tokens.user_id),
                session_id=str(tokens.session_id),
                access_token=tokens.access_token,
                refresh_token=tokens.refresh_token,
            )
            say(msgspec.json.encode(account).decode())


def _password() -> str:
    if given := os.environ.get("LOOPYNC_ADMIN_PASSWORD"):
        return given
    if not sys.stdin.isatty():
        raise Stop("Set LOOPYNC_ADMIN_PASSWORD, or run this at a terminal to be asked.")
    password = getpass.getpass("Password: ")
    if getpass.getpass("Once more: ") != password:
        raise Stop("The two are not the same.")
    return password


def parser() -> argparse.ArgumentParser:
    root = argparse.ArgumentParser(prog="./loopync admin")
    commands = root.add_subparsers(required=True, metavar="COMMAND")
    admin = commands.add_parser("create-admin", help="make an administrator")
    admin.add_argument("handle")
    admin.add_argument("email")
    admin.add_argument("--name", help="shown to others; the handle when left out")
    admin.set_defaults(run=create_admin)
    load = commands.add_parser("make-accounts", help="make accounts with tokens, as JSON lines")
    load.add_argument("number", type=int)
    load.add_argument("--prefix", default="load", help="handles are this and a number")
    load.set_defaults(run=make_accounts)
    check = commands.add_parser("verify", help="recount what is stored; name the first difference")
    check.set_defaults(run=verify_all)
    return root


async def _run(settings: Settings, arguments: Arguments) -> None:
    async with opened(settings) as gate:
        await arguments.run(gate, arguments)


# Numbers go on where an earlier run ended, so that it can be called again.
FIND_LAST = """
    SELECT coalesce(max(substr(handle, length($1) + 1)::integer), 0) FROM users
     WHERE starts_with(handle, $1) AND substr(handle, length($1) + 1) ~ '^[0-9]{1,9}$'
"""


if __name__ == "__main__":
    with said_to_person():
        trio.run(_run, Settings.from_environment(), parser().parse_args())
