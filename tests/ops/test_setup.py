"""What is made on a machine: once, again when it changed, and never by two at a time."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from ops import places, setup, web_build
from ops.say import Stop

PROJECT = """
[project]
dependencies = ["trio"]
[project.optional-dependencies]
dev = ["pytest"]
node = ["nodejs"]
"""


class Machine:
    """A checkout in which commands are only noted, and end well."""

    def __init__(self, checkout: Path) -> None:
        self.checkout = checkout
        self.ran: list[list[str]] = []
        (checkout / "pyproject.toml").write_text(PROJECT)
        (checkout / "constraints.txt").write_text("trio==0.35\n")
        python = checkout / ".venv" / "bin" / "python"
        python.parent.mkdir(parents=True)
        python.symlink_to(sys.executable)
        (checkout / "web" / "src").mkdir(parents=True)
        (checkout / "web" / "package-lock.json").write_text("{}")
        (checkout / "web" / "src" / "main.ts").write_text("hello()")

    def run(self, name: str, command: Sequence[str | Path], failure: str, **_: Any) -> None:
        words = [str(word) for word in command]
        self.ran.append(words)
        if "--outDir" in words:
            built = Path(words[words.index("--outDir") + 1])
            (built / "index.html").write_text((self.checkout / "web/src/main.ts").read_text())
        if "--target" in words:
            Path(words[words.index("--target") + 1]).mkdir()
        if "ci" in words:
            (self.checkout / "web" / "node_modules").mkdir(exist_ok=True)

    def installed(self) -> list[list[str]]:
        """The packages of each call of pip."""
        end = setup.PIP_INSTALL[-1]
        return [ran[ran.index(end) + 1 :] for ran in self.ran if "pip" in ran]


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    machine = Machine(tmp_path)
    monkeypatch.setattr(places, "CHECKOUT", tmp_path)
    monkeypatch.setattr(places, "made", lambda: tmp_path)
    monkeypatch.setattr(setup, "run", machine.run)
    return machine


def test_packages_are_installed_once(machine: Machine) -> None:
    setup.install()
    setup.install()
    assert machine.installed() == [["trio"]]


def test_and_again_when_a_version_changed(machine: Machine) -> None:
    setup.install()
    (machine.checkout / "constraints.txt").write_text("trio==0.36\n")
    setup.install()
    assert machine.installed() == [["trio"], ["trio"]]


def test_what_the_tests_need_is_added_and_then_stays(machine: Machine) -> None:
    setup.install()
    setup.install("dev")
    setup.install()
    assert machine.installed() == [["trio"], ["trio", "pytest"]]


def test_an_installation_that_failed_is_tried_again(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise Stop("no network", code=1)

    with monkeypatch.context() as broken:
        broken.setattr(setup, "run", fail)
        with pytest.raises(Stop, match="no network"):
            setup.install()
    setup.install()
    assert machine.installed() == [["trio"]]


def test_a_command_that_fails_shows_the_end_of_what_it_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(places, "made", lambda: tmp_path)
    program = "print('first'); [print(n) for n in range(100)]; raise SystemExit(1)"
    with pytest.raises(Stop) as stopped:
        setup.run("try", [sys.executable, "-c", program], "It did not work")
    assert "99\nIt did not work (all of it is in " in str(stopped.value)
    assert "first" not in str(stopped.value)


def test_without_ensurepip_the_debian_package_is_named(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    (machine.checkout / ".venv/bin/python").unlink()
    monkeypatch.setitem(sys.modules, "ensurepip", None)
    with pytest.raises(Stop, match="Install the Debian package python3-venv"):
        setup.make_environment()


@pytest.fixture
def node(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(web_build, "find_node", lambda: web_build.Node(("npm",), "/bin"))


@pytest.mark.usefixtures("node")
def test_the_client_is_built_once_and_again_when_its_sources_changed(machine: Machine) -> None:
    web_build.build()
    web_build.build()
    assert [ran[1] for ran in machine.ran] == ["ci", "run"]
    (machine.checkout / "web" / "src" / "main.ts").write_text("goodbye()")
    web_build.build()
    assert [ran[1] for ran in machine.ran] == ["ci", "run", "run"]
    web = machine.checkout / "web"
    assert (web / "dist" / "index.html").read_text() == "goodbye()"
    assert sorted(path.name for path in web.iterdir()) == [
        *("dist", "node_modules", "package-lock.json", "src"),
    ]


@pytest.mark.usefixtures("node")
def test_its_packages_are_installed_again_when_the_lock_changed(machine: Machine) -> None:
    web_build.build()
    (machine.checkout / "web" / "package-lock.json").write_text('{"new": 1}')
    web_build.build()
    assert [ran[1] for ran in machine.ran] == ["ci", "run", "ci", "run"]


@pytest.mark.parametrize(
    ("version", "enough"),
    [
        ("v18.20.4", False),
        ("v20.18.3", False),
        ("v20.19.0", True),
        ("v21.7.3", False),
        ("v22.11.0", False),
        ("v22.12.0", True),
        ("v24.0.0", True),
        ("nonsense", False),
    ],
)
def test_the_systems_node_serves_when_it_is_new_enough(
    tmp_path: Path, machine: Machine, monkeypatch: pytest.MonkeyPatch, version: str, enough: bool
) -> None:
    for name in ("node", "npm"):
        program = tmp_path / name
        program.write_text(f"#!/bin/sh\necho {version}\n")
        program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    npm = web_build.find_node().npm
    assert (npm == (str(tmp_path / "npm"),)) == enough
    assert machine.installed() == (
        [] if enough else [["--no-deps", "--target", str(tmp_path / ".loopync/node"), "nodejs"]]
    )


def test_the_lists_that_pip_is_given_are_the_projects_own() -> None:
    checkout = Path(__file__).resolve().parents[2]
    lines = (checkout / "constraints.txt").read_text().splitlines()
    pinned = {line.partition("==")[0].lower() for line in lines}
    wanted = setup._requirements(["bench", "dev", "node"], core=True)
    names = {word.partition(">")[0].partition("=")[0].lower() for word in wanted}
    assert names <= {name.replace("_", "-") for name in pinned}, "each has its exact version"
