"""One leads, others ring; what the threads did is news."""

import threading
from functools import partial

import pytest

from billing.work_desk import SEATS, WorkDesk

LONG_SECONDS = 30.0


@pytest.fixture
def desk() -> WorkDesk:
    return WorkDesk()


def news(desk: WorkDesk, *, gather_seconds: float = 0.0) -> list[object]:
    ended = desk.wait_for_news(seconds=LONG_SECONDS, gather_seconds=gather_seconds)
    return [call.result() for call in ended]


def test_one_leads_at_a_time(desk: WorkDesk) -> None:
    assert desk.take_the_lead()
    assert not desk.take_the_lead()
    assert desk.rung()  # the second one has
    assert desk.leave()
    assert desk.take_the_lead()


def test_who_rings_is_not_overlooked(desk: WorkDesk) -> None:
    assert not desk.ring()  # nobody leads: whoever rang has to lead
    assert desk.take_the_lead()
    assert not desk.rung()

    assert desk.ring()

    assert not desk.leave()
    assert desk.rung()
    assert desk.leave()
    assert desk.take_the_lead()


def test_a_ring_wakes_who_waits(desk: WorkDesk) -> None:
    desk.take_the_lead()
    desk.ring()

    assert news(desk) == []


def test_the_lead_is_given_back_whatever_happened(desk: WorkDesk) -> None:
    desk.take_the_lead()
    desk.ring()

    desk.give_up()

    assert desk.take_the_lead()
    assert desk.leave()


def test_the_end_of_a_call_is_news_and_so_is_its_failure(desk: WorkDesk) -> None:
    desk.call(lambda: 7)
    assert news(desk) == [7]

    desk.call(lambda: 1 / 0)
    (failed,) = desk.wait_for_news(seconds=LONG_SECONDS, gather_seconds=0)
    assert isinstance(failed.exception(), ZeroDivisionError)


def test_ends_that_come_close_together_are_told_together(desk: WorkDesk) -> None:
    for number in range(3):
        desk.call(partial(int, number))

    gathered = desk.wait_for_news(seconds=LONG_SECONDS, gather_seconds=1.0)

    assert sorted(call.result() for call in gathered) == [0, 1, 2]


def test_without_news_the_wait_ends(desk: WorkDesk) -> None:
    assert desk.wait_for_news(seconds=0.01, gather_seconds=0.01) == []


def test_calls_run_side_by_side(desk: WorkDesk) -> None:
    barrier = threading.Barrier(SEATS)
    calls = [desk.call(lambda: barrier.wait(timeout=LONG_SECONDS)) for _ in range(SEATS)]

    assert sorted(call.result(timeout=LONG_SECONDS) for call in calls) == list(range(SEATS))
    desk.close()
