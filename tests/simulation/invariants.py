"""What is looked at once peace has come: every row, every device, every process."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

from tests.simulation.device import Device
from tests.simulation.failures import Invariant
from tests.simulation.hearing import short
from tests.simulation.person import Person
from tests.simulation.process import Process
from tests.simulation.world import World

Row = dict[str, Any]


class Truth:
    """The database's rows, read beside the program and counted by hand."""

    def __init__(self, world: World) -> None:
        def rows(table: str, order: str) -> list[Row]:
            found = world.postgres.ask(f"SELECT * FROM {table} ORDER BY {order}")
            return [dict(row) for row in found]

        self.tips = {row["topic"]: row["last_seq"] for row in rows("topics", "topic")}
        self.journal: dict[str, list[Row]] = defaultdict(list)
        for row in rows("journal", "topic, seq"):
            self.journal[row["topic"]].append(row)
        self.messages: dict[str, list[Row]] = defaultdict(list)
        for row in rows("messages", "conversation_id, seq, id"):
            self.messages[str(row["conversation_id"])].append(row)
        self.conversations = {str(row["id"]): row for row in rows("conversations", "id")}
        self.members = rows("members", "conversation_id, user_id")
        self.friends = {(row["user_id"], row["friend_id"]) for row in rows("friends", "1, 2")}
        self.blocks = {(row["blocker_id"], row["blocked_id"]) for row in rows("blocks", "1, 2")}

    def memberships(self, person: Person) -> Iterator[tuple[str, Row]]:
        for row in self.members:
            if row["user_id"] == person.actor.user_id:
                yield str(row["conversation_id"]), row

    def topics_of(self, person: Person) -> dict[str, int]:
        names = [f"user:{person.id}"]
        names += [f"conversation:{found}" for found, _ in self.memberships(person)]
        return {name: self.tips.get(name, 0) for name in names}

    def may_know(self, viewer: Person, other: Person) -> bool:
        one, two = viewer.actor.user_id, other.actor.user_id
        if (one, two) in self.blocks or (two, one) in self.blocks:
            return False
        talked = any(
            row["direct_low"] == min(one, two)
            and row["direct_high"] == max(one, two)
            and row["last_seq"] > 0
            for row in self.conversations.values()
        )
        return talked or (one, two) in self.friends


def check_rows(world: World, truth: Truth) -> None:
    judge = world.judge
    for sent in world.ledger.all:
        if not sent.is_settled:
            judge.broken(Invariant.STORED_ONCE, f"'{sent.text[:12]}' was never answered")
        world.ledger.check(sent)
    for topic, tip in truth.tips.items():
        seqs = [row["seq"] for row in truth.journal[topic]]
        whole = seqs == list(range(1, tip + 1))
        judge.check(whole, Invariant.NUMBERS, f"{short(topic)} up to {tip} holds {seqs}")
        _check_marks_in(world, topic, truth.journal[topic])
    for id_, conversation in truth.conversations.items():
        seqs = [row["seq"] for row in truth.messages[id_]]
        whole = seqs == list(range(1, conversation["last_seq"] + 1))
        judge.check(whole, Invariant.NUMBERS, f"messages of {short(id_)} are {seqs}")
    for person in world.people:
        for conversation_id, row in truth.memberships(person):
            for mark, column in (("mark_read", "read_seq"), ("mark_delivered", "delivered_seq")):
                floor = person.floors.get((mark, conversation_id), 0)
                what = f"{person.name} was answered {mark} {floor}, and {row[column]} stands"
                judge.check(row[column] >= floor, Invariant.MARKS, what)


def _check_marks_in(world: World, topic: str, entries: list[Row]) -> None:
    tops: dict[tuple[str, str, str], int] = {}
    for row in entries:
        if row["kind"] in ("messages_read", "messages_delivered"):
            body = json.loads(row["body"])
            key = (row["kind"], body["conversationId"], body["userId"])
            what = f"{row['kind']} in {short(topic)} {row['seq']} says {body['seq']}"
            ahead = body["seq"] > tops.get(key, 0)
            world.judge.check(ahead, Invariant.MARKS, f"{what} after {tops.get(key)}")
            tops[key] = body["seq"]


def unfinished(world: World, truth: Truth) -> Iterator[str]:
    """Devices that are not at the end of exactly the topics that are theirs."""
    for device in world.devices:
        have = dict(device.client.have) if device.client is not None else {}
        due = truth.topics_of(device.person)
        if have != due:
            wrong = sorted({short(one[0]) for one in have.items() ^ due.items()})
            yield f"{device.name} is not at the end of {wrong}"


def check_device(world: World, truth: Truth, device: Device) -> None:
    judge, person = world.judge, device.person
    for topic, heard in device.book.heard.items():
        stored = {row["seq"]: row for row in truth.journal[topic]}
        for seq, entry in heard.items():
            what = f"{device.name} was told {short(topic)} {seq} as {entry}"
            same = seq in stored and _same(entry, stored[seq], person.id)
            judge.check(same, Invariant.COMPLETE, what)
    for conversation_id, row in truth.memberships(person):
        thread = device.book.threads.get(conversation_id)
        shown = [] if thread is None else [_shown(one) for one in thread.messages()]
        stored_messages = [
            (one["seq"], str(one["id"]), str(one["sender_id"]), one["text"])
            for one in truth.messages[conversation_id]
            if one["seq"] > row["joined_seq"]
        ]
        what = f"{device.name} shows {short(conversation_id)} as"
        what += f" {[one[0] for one in shown]}, of {[one[0] for one in stored_messages]}"
        judge.check(shown == stored_messages, Invariant.THREADS, what)


def _same(entry: Any, row: Row, user_id: str) -> bool:
    body = json.loads(row["body"])
    if "clientId" in body and body["senderId"] != user_id:
        body["clientId"] = None
    return bool(entry["kind"] == row["kind"] and entry["data"] == body)


def _shown(message: Any) -> tuple[int, str, str, str]:
    return message["seq"], message["id"], message["senderId"], message["text"]


async def check_unread(world: World, truth: Truth, person: Person) -> None:
    """The API's numbers against a recount of the rows."""
    page = None
    for _ in range(5):
        page = page or await person.devices[0].ask("list_conversations", {"limit": 100})
    if page is None:
        world.judge.broken(Invariant.UNREAD, f"{person.name} cannot list conversations")
        return
    told = {one["id"]: one for one in page["conversations"]}
    total = 0
    for conversation_id, row in truth.memberships(person):
        unread = sum(
            one["seq"] > max(row["read_seq"], row["joined_seq"])
            and one["kind"] == "text"
            and one["sender_id"] != row["user_id"]
            for one in truth.messages[conversation_id]
        )
        total += unread
        one = told.get(conversation_id)
        if one is not None:
            counted = (one["unreadCount"], one["readSeq"], one["deliveredSeq"])
            recount = (unread, row["read_seq"], row["delivered_seq"])
            what = f"{person.name} in {short(conversation_id)}: {counted}, recounted {recount}"
            world.judge.check(counted == recount, Invariant.UNREAD, what)
    what = f"{person.name} has {page['unreadTotal']} unread, recounted {total}"
    world.judge.check(page["unreadTotal"] == total, Invariant.UNREAD, what)


def misled(world: World, truth: Truth) -> Iterator[str]:
    """Devices that show somebody as what they are not, or as what one may not know."""
    for viewer in world.people:
        for other in viewer.others:
            state = "offline"
            if truth.may_know(viewer, other):
                states = [one.state for one in other.devices]
                state = "online" if "online" in states else "away"
            for device in viewer.devices:
                seen = device.presence.get(other.id)
                if other.id in device.watched and seen != state:
                    yield f"{device.name} sees {other.name} {seen}, who is {state}"


def leftovers(process: Process) -> dict[str, int]:
    """What a process keeps of people who are gone."""
    core, reactor = process.core, process.reactor
    left = {
        "topics": len(core.hub.topics),
        "gaps": len(core.hub.gaps),
        "doubts": len(core.hub.doubted),
        "early entries": core.hub.early_entries,
        "unheard topics": len(core.hub._unheard) + core.hub._loading,
        "people": len(core.people),
        "watched people": len(core.watching) + len(core.watching._stale),
        "leases": len(core.presence._written) + len(core.presence._changed),
        "arrivals": len(core.arrivals._waiting),
        "marks": len(core.marks._later),
        "connections": len(reactor.connections) + len(reactor.endings) + len(reactor.waiting),
        "handshakes": len(reactor.handshaking),
        "open transactions": process.line.open_transactions,
        "extra tasks": process.extra_tasks,
        "waiting in batches": sum(len(one._waiting) for one in process.gate._batchers.values()),
    }
    for client in process.door.clients:
        for name in ("held", "pending", "marks", "watched", "topics"):
            left[f"clients' {name}"] = left.get(f"clients' {name}", 0) + bool(getattr(client, name))
    return {name: count for name, count in left.items() if count}


def leases(world: World) -> dict[str, int]:
    """Of people who are gone, and of processes that are."""
    people = len(world.postgres.ask("SELECT FROM presence"))
    dead = len(world.postgres.ask("SELECT FROM presence_processes")) - len(world.processes)
    return {name: count for name, count in (("leases", people), ("dead", dead)) if count}


def check_logs(world: World, logged: list[Any]) -> None:
    """No error that a fault of the network or the database does not explain."""
    for line in logged:
        known = line["log_level"] in ("debug", "info", "warning")
        split = line["event"] == "batch_split" and "LockNotAvailable" not in line["error"]
        if not known or split:
            what = f"logged {line['event']}: {_briefly(line)}"
            world.judge.broken(Invariant.NO_FAULT, what)


def _briefly(line: Any) -> str:
    rest = {key: value for key, value in line.items() if key not in ("event", "log_level")}
    return repr(rest)[:300]
