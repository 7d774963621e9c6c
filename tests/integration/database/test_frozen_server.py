"""A Postgres that takes what is sent and never answers: whoever waits for it is let go, and comes back when it does."""

import time
from collections.abc import Iterator

import pytest
from sqlalchemy import text

from billing.runtime import Runtime, make_runtime
from billing.unit_of_work import DatabaseUnavailable
from tests.chaos.proxy import FaultProxy, LinkFault, ProxyThread
from tests.service.servers import ServiceServers

STATEMENT_SECONDS = 0.5


@pytest.fixture
def link(servers: ServiceServers) -> Iterator[FaultProxy]:
    proxies = ProxyThread()
    yield proxies.proxy(name="postgres", target_port=servers.postgres.port)
    proxies.close()


@pytest.fixture
def runtime(servers: ServiceServers, link: FaultProxy) -> Iterator[Runtime]:
    url = servers.database_url.replace(f":{servers.postgres.port}/", f":{link.port}/")
    made = make_runtime(
        servers.settings(DATABASE_URL=url, DATABASE_STATEMENT_TIMEOUT_SECONDS=STATEMENT_SECONDS),
        send_hint=lambda _: None,
    )
    yield made
    made.engine.dispose()
    made.redis.close()


def ask(runtime: Runtime, question: str) -> object:
    with runtime.transaction() as session:
        return session.scalar(text(question))


def ask_once_more(runtime: Runtime, link: FaultProxy) -> None:
    """Let the server fall silent in the middle of a transaction."""
    with runtime.transaction() as session:
        session.execute(text("SELECT 'in time'"))
        link.misbehave(LinkFault.BLACK_HOLE)
        session.execute(text("SELECT 'late'"))


def test_a_statement_that_is_never_answered_ends_as_unavailable(runtime: Runtime, link: FaultProxy) -> None:
    started = time.monotonic()
    with pytest.raises(DatabaseUnavailable):
        ask_once_more(runtime, link)

    assert time.monotonic() - started < STATEMENT_SECONDS + 5


def test_a_pooled_connection_to_it_is_not_waited_for_either(runtime: Runtime, link: FaultProxy) -> None:
    assert ask(runtime, "SELECT 1") == 1
    link.misbehave(LinkFault.BLACK_HOLE)
    started = time.monotonic()
    with pytest.raises(DatabaseUnavailable):
        ask(runtime, "SELECT 2")

    assert time.monotonic() - started < STATEMENT_SECONDS + 8  # the check of the connection, then a new connection


def test_the_late_answer_is_nobodys(runtime: Runtime, link: FaultProxy) -> None:
    with pytest.raises(DatabaseUnavailable):
        ask_once_more(runtime, link)
    link.behave()

    assert [ask(runtime, f"SELECT {number}") for number in range(3)] == [0, 1, 2]


def test_the_server_s_own_limit_comes_first_where_it_works(runtime: Runtime) -> None:
    with pytest.raises(DatabaseUnavailable) as refused:
        ask(runtime, "SELECT pg_sleep(10)")

    assert "statement timeout" in str(refused.value.__cause__)
