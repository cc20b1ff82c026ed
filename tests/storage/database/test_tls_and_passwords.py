"""Who gets in, and that nobody listens on the way."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
import trio

from storage.database import Database, DatabaseUnavailable, open_database
from tests.needs import needs_package
from tests.storage.database.servers import Server, write_certificate
from tests.storage.database.tls_proxy import TlsProxy, tls_before

LARGE = bytes(range(256)) * 20_000


@pytest.fixture
async def proxy(postgres: Server) -> AsyncIterator[TlsProxy]:
    key = postgres.cluster / "server.key"
    async with tls_before(postgres.port, postgres.certificate, key) as proxy:
        yield proxy


@pytest.fixture
def behind_tls(postgres: Server, proxy: TlsProxy) -> Server:
    """The same server, by way of TLS."""
    return replace(postgres, port=proxy.port)


async def whoami(url: str, driver: str) -> str:
    async with open_database(url, driver=driver) as database, database.transaction() as tx:
        return str(await tx.value("SELECT current_user"))


async def backend(database: Database) -> int:
    async with database.transaction() as tx:
        return int(await tx.value("SELECT pg_backend_pid()"))


async def test_ana_signs_in_with_her_password(postgres: Server, driver: str) -> None:
    assert await whoami(postgres.tcp_url("ana"), driver) == "ana"


async def test_a_wrong_password_is_said_to_be_that(postgres: Server, driver: str) -> None:
    with pytest.raises(DatabaseUnavailable, match='password authentication failed for user "ana"'):
        await whoami(postgres.tcp_url("ana", password="guess"), driver)


async def test_eve_whom_the_server_does_not_admit_is_told_so(postgres: Server, driver: str) -> None:
    with pytest.raises(DatabaseUnavailable, match=r"no pg_hba\.conf entry"):
        await whoami(postgres.tcp_url("eve"), driver)


async def test_a_database_that_does_not_exist_is_named(postgres: Server, driver: str) -> None:
    url = postgres.url.replace("/postgres?", "/nowhere?")
    with pytest.raises(DatabaseUnavailable, match='database "nowhere" does not exist'):
        await whoami(url, driver)


@pytest.mark.parametrize("mode", ["prefer", "require", "verify-ca", "verify-full"])
async def test_every_mode_of_tls_reaches_a_server_that_has_it(
    behind_tls: Server, proxy: TlsProxy, driver: str, mode: str
) -> None:
    assert await whoami(behind_tls.tcp_url("ana", sslmode=mode), driver) == "ana"
    assert proxy.encrypted_count == 1


async def test_a_wrong_password_is_said_to_be_that_through_tls(
    behind_tls: Server, driver: str
) -> None:
    url = behind_tls.tcp_url("ana", password="guess", sslmode="require")
    with pytest.raises(DatabaseUnavailable, match="password authentication failed"):
        await whoami(url, driver)


async def test_tls_can_start_without_asking(behind_tls: Server, driver: str) -> None:
    url = behind_tls.tcp_url("ana", sslmode="verify-full", sslnegotiation="direct")
    assert await whoami(url, driver) == "ana"


async def test_preferring_tls_does_without_it_where_there_is_none(
    postgres: Server, driver: str
) -> None:
    assert await whoami(postgres.tcp_url("ana", sslmode="prefer"), driver) == "ana"


async def test_requiring_tls_refuses_a_server_without_it(postgres: Server, driver: str) -> None:
    with pytest.raises(DatabaseUnavailable, match="rejected SSL upgrade"):
        await whoami(postgres.tcp_url("ana", sslmode="require"), driver)


async def test_a_certificate_of_somebody_else_is_refused(
    behind_tls: Server, driver: str, tmp_path: Path
) -> None:
    stranger = tmp_path / "stranger.pem"
    write_certificate(stranger, tmp_path / "key.pem")
    url = behind_tls.tcp_url("ana", sslmode="verify-full", sslrootcert=str(stranger))
    with pytest.raises(DatabaseUnavailable, match="CERTIFICATE_VERIFY_FAILED"):
        await whoami(url, driver)


async def test_a_certificate_for_another_name_is_refused_by_full_verification_alone(
    behind_tls: Server, driver: str
) -> None:
    ca_alone = behind_tls.tcp_url("ana", host="127.0.0.1", sslmode="verify-ca")
    assert await whoami(ca_alone, driver) == "ana"
    full = behind_tls.tcp_url("ana", host="127.0.0.1", sslmode="verify-full")
    with pytest.raises(DatabaseUnavailable, match=r"not valid for '127\.0\.0\.1'"):
        await whoami(full, driver)


async def test_more_than_a_socket_takes_at_once_passes_both_ways(
    behind_tls: Server, driver: str
) -> None:
    url = behind_tls.tcp_url("ana", sslmode="require")
    async with open_database(url, driver=driver) as database, database.transaction() as tx:
        assert await tx.value("SELECT $1::bytea", LARGE) == LARGE


async def test_a_query_is_cancelled_through_tls_and_its_connection_lives_on(
    behind_tls: Server, proxy: TlsProxy, driver: str
) -> None:
    url = behind_tls.tcp_url("ana", sslmode="verify-full")
    async with open_database(url, driver=driver, connections_max=1) as database:
        before = await backend(database)
        with trio.move_on_after(0.05) as scope:
            async with database.transaction() as tx:
                await tx.run("SELECT pg_sleep(60)")
        assert scope.cancelled_caught
        assert await backend(database) == before
    assert (proxy.encrypted_count, proxy.refused_count) == (2, 0)


@needs_package("postgresql-15")
async def test_a_server_with_tls_of_its_own_is_reached_and_cancelled(
    debian_postgres: Server, driver: str
) -> None:
    url = debian_postgres.tcp_url("ana", sslmode="verify-full")
    async with open_database(url, driver=driver, connections_max=1) as database:
        before = await backend(database)
        with trio.move_on_after(0.05):
            async with database.transaction() as tx:
                await tx.run("SELECT pg_sleep(60)")
        assert await backend(database) == before
        async with database.transaction() as tx:
            assert await tx.value("SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()")
            assert await tx.value("SELECT $1::bytea", LARGE) == LARGE


@needs_package("postgresql-15")
async def test_the_last_words_of_a_server_are_heard_through_tls(
    debian_postgres: Server, driver: str
) -> None:
    url = debian_postgres.tcp_url("ana", sslmode="require")
    async with open_database(url, driver=driver) as database:
        with pytest.raises(DatabaseUnavailable, match="terminating connection"):
            async with database.transaction() as tx:
                await tx.run("SELECT pg_terminate_backend(pg_backend_pid())")


@needs_package("postgresql-15")
async def test_a_role_that_may_not_use_tls_is_admitted_when_tls_is_only_preferred(
    debian_postgres: Server, driver: str
) -> None:
    assert await whoami(debian_postgres.tcp_url("ben", sslmode="prefer"), driver) == "ben"
