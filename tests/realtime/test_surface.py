"""The protocol document and the socket's table say the same."""

from __future__ import annotations

import re
from pathlib import Path

from realtime import disconnects
from realtime.commands.surface import COMMANDS

PROTOCOL = Path(__file__).resolve().parents[2] / "docs" / "protocol.md"
HTTP_ONLY = {"signup", "login", "refresh", "logout"}
ROW = re.compile(r"^\| `([a-z_]+)`", re.MULTILINE)


def test_every_command_described_is_offered_and_every_one_offered_is_described() -> None:
    section = PROTOCOL.read_text().partition("\n## Commands\n")[2].partition("\n## Pushes\n")[0]
    described = set(ROW.findall(section))
    assert len(described) > 30, "the tables were found"
    assert set(COMMANDS) == described - HTTP_ONLY


def test_close_codes_described_are_those_sent() -> None:
    described = dict(re.findall(r"^\| (4\d{3}) \| `([a-z_]+)`", PROTOCOL.read_text(), re.MULTILINE))
    sent = {
        str(one.code): one.reason
        for one in vars(disconnects).values()
        if isinstance(one, disconnects.Disconnect) and one.code >= 4000
    }
    assert sent == described
