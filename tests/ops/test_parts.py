"""The parts get the supervisor's settings, whole."""

import dataclasses
from pathlib import Path

import pytest

from ops.parts import environment, parts
from storage.settings import Settings

URL = "postgresql://postgres@/loopync?host=/data/postgres"


@pytest.mark.parametrize("given", [None, "postgresql://db/loopync"])
def test_a_part_reads_the_settings_that_the_supervisor_has(
    tmp_path: Path, given: str | None
) -> None:
    settings = Settings(
        host="::1",
        http_port=9000,
        ws_port=9001,
        media_port=9002,
        public_url=None if given is None else "https://chat.example",
        data=tmp_path,
        secret=b"s" * 32,
        realtime_processes=3,
        cors_origins=frozenset({"https://friend.example"}),
        limits_scale=0.1,
        demo=given is None,
        database_url=given,
        embedded=given is None,
        database_driver="asyncio",
    )
    read = Settings.from_environment(environment(settings, given or URL))
    assert read == dataclasses.replace(settings, database_url=given or URL)


def test_each_realtime_process_is_a_part(tmp_path: Path) -> None:
    settings = Settings(data=tmp_path, secret=b"s" * 32, realtime_processes=2)
    names = [part.name for part in parts(settings)]
    assert names == ["realtime-1", "realtime-2", "http_api", "jobs"]
