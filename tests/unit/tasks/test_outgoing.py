"""Receivers that hang hold so many threads of a worker and no more."""

from collections.abc import Iterator
from typing import cast

import pytest

from billing.runtime import Runtime
from tasks import outgoing
from tasks.outgoing import SENDERS_MAX, send_due


@pytest.fixture
def all_but_one_send() -> Iterator[None]:
    for _ in range(SENDERS_MAX - 1):
        assert outgoing._senders.acquire(blocking=False)
    yield
    outgoing._senders.release(SENDERS_MAX - 1)


@pytest.mark.usefixtures("all_but_one_send")
def test_one_thread_too_many_goes_back_to_other_work(monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []

    def drain(runtime: Runtime, **_: object) -> str:
        said.append(send_due(runtime))  # somebody else comes while this one, the last that may, is sending
        return "3 delivered"

    monkeypatch.setattr(outgoing, "drain_waiting", drain)
    nothing = cast("Runtime", object())

    assert send_due(nothing) == "3 delivered"
    assert said == ["as many threads as may are sending already"]
    assert send_due(nothing) == "3 delivered"
