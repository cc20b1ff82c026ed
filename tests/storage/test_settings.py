"""What can be set from outside: read exactly, and refused in a sentence."""

import stat
from pathlib import Path

import pytest

from storage.settings import Settings, SettingsError


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return tmp_path / "data"


def read(data: Path, **environment: str) -> Settings:
    return Settings.from_environment({"LOOPYNC_DATA": str(data), **environment})


def test_without_any_setting_loopync_stays_on_this_machine(data: Path) -> None:
    settings = read(data)
    assert (settings.host, settings.http_port, settings.ws_port) == ("127.0.0.1", 8000, 8001)
    assert settings.database_url is None
    assert settings.demo


def test_everything_can_be_set(data: Path) -> None:
    settings = read(
        data,
        LOOPYNC_HOST="0.0.0.0",
        LOOPYNC_HTTP_PORT="9000",
        LOOPYNC_WS_PORT="9001",
        LOOPYNC_MEDIA_PORT="9002",
        LOOPYNC_PUBLIC_URL="https://chat.example/",
        LOOPYNC_SECRET="s" * 32,
        LOOPYNC_REALTIME_PROCESSES="4",
        LOOPYNC_LIMITS="2.5",
        DATABASE_URL="postgresql://loopync@db/loopync",
        LOOPYNC_DATABASE_DRIVER="asyncio",
    )
    assert settings == Settings(
        host="0.0.0.0",
        http_port=9000,
        ws_port=9001,
        media_port=9002,
        public_url="https://chat.example",
        data=data,
        secret=b"s" * 32,
        realtime_processes=4,
        limits_scale=2.5,
        demo=False,
        database_url="postgresql://loopync@db/loopync",
        database_driver="asyncio",
    )


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("LOOPYNC_HOST", "not a host"),
        ("LOOPYNC_HOST", "1.2.3"),
        ("LOOPYNC_HOST", "-x"),
        ("LOOPYNC_HTTP_PORT", "0"),
        ("LOOPYNC_HTTP_PORT", "65536"),
        ("LOOPYNC_HTTP_PORT", "80a"),
        ("LOOPYNC_HTTP_PORT", "٨٠٨٠"),
        ("LOOPYNC_WS_PORT", "-1"),
        ("LOOPYNC_MEDIA_PORT", "1" * 5000),
        ("LOOPYNC_PUBLIC_URL", "chat.example"),
        ("LOOPYNC_PUBLIC_URL", "ftp://chat.example"),
        ("LOOPYNC_PUBLIC_URL", "https://chat.example/loopync"),
        ("LOOPYNC_PUBLIC_URL", "https://chat.example:x"),
        ("LOOPYNC_PUBLIC_URL", "https://[::1"),
        ("LOOPYNC_REALTIME_PROCESSES", "0"),
        ("LOOPYNC_LIMITS", "0"),
        ("LOOPYNC_LIMITS", "nan"),
        ("LOOPYNC_LIMITS", "inf"),
        ("LOOPYNC_LIMITS", "many"),
        ("LOOPYNC_DEMO", "yes"),
        ("LOOPYNC_DATABASE_DRIVER", "curio"),
    ],
)
def test_a_wrong_value_is_refused_by_name(data: Path, name: str, value: str) -> None:
    with pytest.raises(SettingsError) as refused:
        read(data, **{name: value})
    assert str(refused.value).startswith(f"{name} is {value!r}, but must be ")
    assert not data.exists(), "nothing is made for settings that are wrong"


def test_two_doors_cannot_share_a_port(data: Path) -> None:
    with pytest.raises(SettingsError, match="LOOPYNC_HTTP_PORT and LOOPYNC_WS_PORT are both 8001"):
        read(data, LOOPYNC_HTTP_PORT="8001")


def test_an_empty_value_means_the_default(data: Path) -> None:
    assert read(data, LOOPYNC_HTTP_PORT="", DATABASE_URL=" ").http_port == 8000


@pytest.mark.parametrize(
    ("name", "value"),
    [("LOOPYNC_SECRET", "too short, hunter2"), ("DATABASE_URL", "mysql://u:hunter2@db/x")],
)
def test_a_message_never_repeats_a_secret(data: Path, name: str, value: str) -> None:
    with pytest.raises(SettingsError) as refused:
        read(data, **{name: value})
    assert name in str(refused.value)
    assert "hunter2" not in str(refused.value)


def test_a_secret_is_made_once_and_for_the_owner_alone(data: Path) -> None:
    first, second = read(data), read(data)
    assert first.secret == second.secret
    assert len(first.secret) >= 32
    assert stat.S_IMODE((data / "secret").stat().st_mode) == 0o600
    assert [file.name for file in data.iterdir()] == ["secret"]


def test_two_installations_do_not_share_a_secret(tmp_path: Path) -> None:
    assert read(tmp_path / "one").secret != read(tmp_path / "other").secret


def test_a_damaged_secret_is_not_used(data: Path) -> None:
    read(data)
    (data / "secret").write_text("")
    with pytest.raises(SettingsError, match="fewer than 32 characters"):
        read(data)


def test_a_data_folder_that_cannot_be_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(SettingsError, match=r"LOOPYNC_DATA is .*Not a directory"):
        read(tmp_path / "file" / "data")


@pytest.mark.parametrize(
    "exposed",
    [
        {"LOOPYNC_HOST": "0.0.0.0"},
        {"DATABASE_URL": "postgresql://db/loopync"},
        {"LOOPYNC_PUBLIC_URL": "https://chat.example"},
    ],
)
def test_demo_accounts_are_only_for_this_machine(data: Path, exposed: dict[str, str]) -> None:
    assert not read(data, **exposed).demo
    with pytest.raises(SettingsError, match="LOOPYNC_DEMO is '1', but demo accounts"):
        read(data, LOOPYNC_DEMO="1", **exposed)


def test_the_demo_can_be_left_out(data: Path) -> None:
    assert not read(data, LOOPYNC_DEMO="0").demo


def test_pages_of_both_loopback_names_may_open_sockets(data: Path) -> None:
    assert read(data).allowed_origins == {"http://127.0.0.1:8000", "http://localhost:8000"}


def test_so_may_the_host_and_the_public_address_as_browsers_name_them(data: Path) -> None:
    settings = read(
        data,
        LOOPYNC_HOST="::1",
        LOOPYNC_HTTP_PORT="80",
        LOOPYNC_PUBLIC_URL="https://CHAT.example:443",
    )
    assert settings.allowed_origins >= {"http://[::1]", "http://localhost", "https://chat.example"}


def test_listening_everywhere_lets_no_further_page_in(data: Path) -> None:
    assert read(data, LOOPYNC_HOST="0.0.0.0").allowed_origins == read(data).allowed_origins
