"""PostgreSQL servers of these tests' own: to be killed and restarted, with TLS and passwords."""

from __future__ import annotations

import datetime
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from storage.embedded.programs import account

START_SECONDS_MAX = 30
STOP_SECONDS_MAX = 15
POLL_SECONDS = 0.01
HERE = "/proc/self/cwd"  # as `nobody`, the server could not walk down to its own folder by name
PASSWORD = "correct horse: battery/staple?"

# `ana` must come through TLS where the server has it, `ben` may not use it, `eve` has no way in.
ACCESS = """
local        all postgres               trust
{host_of_ana} all ana       127.0.0.1/32 scram-sha-256
hostnossl    all ben       127.0.0.1/32 scram-sha-256
"""

ROLES = f"""
CREATE ROLE ana LOGIN PASSWORD '{PASSWORD}';
CREATE ROLE ben LOGIN PASSWORD '{PASSWORD}';
CREATE ROLE eve LOGIN PASSWORD '{PASSWORD}';
"""


@dataclass
class Server:
    """Over `folder`, by the programs in `programs`; on a Unix socket and on TCP.

    `tls` needs programs that were built with it; those of the wheel were not.
    """

    folder: Path
    programs: Path
    tls: bool = False
    port: int = 0
    process: subprocess.Popen[bytes] | None = None

    @property
    def cluster(self) -> Path:
        return self.folder / "cluster"

    @property
    def certificate(self) -> Path:
        return self.folder / "certificate.pem"

    @property
    def url(self) -> str:
        return f"postgresql://postgres@/postgres?host={quote(str(self.cluster))}&port={self.port}"

    def tcp_url(
        self, role: str, *, password: str = PASSWORD, host: str = "localhost", **query: str
    ) -> str:
        query.setdefault("sslrootcert", str(self.certificate))
        who = f"{role}:{quote(password, safe='')}"
        return f"postgresql://{who}@{host}:{self.port}/postgres?{urlencode(query)}"

    def make(self) -> None:
        self.cluster.mkdir(parents=True, mode=0o700)
        self._own(self.cluster)
        self._run("initdb", "-D", HERE, "-U", "postgres", "-A", "trust", "-E", "UTF8", "-N")
        write_certificate(self.certificate, self.cluster / "server.key")
        shutil.copy(self.certificate, self.cluster / "server.crt")
        access = ACCESS.format(host_of_ana="hostssl" if self.tls else "host")
        (self.cluster / "pg_hba.conf").write_text(access)
        for name in ("server.key", "server.crt"):
            self._own(self.cluster / name)
        self._run("postgres", "--single", "-D", HERE, "-c", "fsync=off", "postgres", words=ROLES)

    def start(self) -> None:
        self.port = self.port or free_port()
        options = {
            "listen_addresses": "127.0.0.1",
            "port": str(self.port),
            "unix_socket_directories": HERE,
            "ssl": "on" if self.tls else "off",
            "fsync": "off",
            "max_connections": "40",
        }
        command = [str(self.programs / "postgres"), "-D", HERE]
        for name, value in options.items():
            command += ["-c", f"{name}={value}"]
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                command, cwd=self.cluster, stdout=log, stderr=log, **self._identity()
            )
        until = time.monotonic() + START_SECONDS_MAX
        while not self._ready():
            assert self.process.poll() is None, (self.folder / "log").read_text()
            assert time.monotonic() < until, "PostgreSQL did not start in time"
            time.sleep(POLL_SECONDS)

    def stop(self) -> None:
        """As an administrator would: everybody is told, and cut off."""
        self._end(signal.SIGINT)

    def crash(self) -> None:
        """At once, without a checkpoint."""
        self._end(signal.SIGQUIT)

    def _end(self, by: signal.Signals) -> None:
        if self.process is not None:
            self.process.send_signal(by)
            self.process.wait(STOP_SECONDS_MAX)
            self.process = None

    def _ready(self) -> bool:
        assert self.process is not None
        try:
            lines = (self.cluster / "postmaster.pid").read_text().splitlines()
            return int(lines[0]) == self.process.pid and lines[7].strip() == "ready"
        except (OSError, IndexError, ValueError):
            return False

    def _run(self, program: str | Path, *arguments: str | Path, words: str = "") -> None:
        done = subprocess.run(
            [str(self.programs / program), *map(str, arguments)],
            cwd=self.cluster,
            input=words.encode(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            check=False,
            **self._identity(),
        )
        assert done.returncode == 0, done.stdout.decode()
        assert b"ERROR" not in done.stdout, done.stdout.decode()

    def _own(self, path: Path) -> None:
        path.chmod(0o700 if path.is_dir() else 0o600)
        if (other := account()) is not None:
            os.chown(path, other.uid, other.gid)

    def _identity(self) -> dict[str, Any]:
        if (other := account()) is None:
            return {}
        return {"user": other.uid, "group": other.gid, "extra_groups": []}


@contextmanager
def frozen(pid: int) -> Iterator[None]:
    """A process of the server neither answers nor goes away."""
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


def write_certificate(certificate: Path, key: Path, host: str = "localhost") -> None:
    """Self-signed, for one name, and not for its address."""
    private = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)])
    now = datetime.datetime.now(datetime.UTC)
    signed = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(private.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=2))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(private, hashes.SHA256())
    )
    certificate.write_bytes(signed.public_bytes(serialization.Encoding.PEM))
    key.write_bytes(
        private.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
