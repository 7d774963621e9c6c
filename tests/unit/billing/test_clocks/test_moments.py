"""To which times a clock may be set, and where it stops on its way."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.errors import Invalid
from billing.test_clocks.moments import ADVANCE_MAX, EARLIEST, LATEST, clock_time, next_moment, require_advance

START = datetime(2026, 1, 31, tzinfo=UTC)
DAY = timedelta(days=1)
MILLISECOND = timedelta(milliseconds=1)
days = st.integers(min_value=-5, max_value=40).map(lambda number: START + number * DAY)


@pytest.mark.parametrize("at", [EARLIEST, LATEST, START, datetime(2000, 1, 1, 1, tzinfo=timezone(timedelta(hours=1)))])
def test_a_clock_takes_instants_from_2000_on(at: datetime) -> None:
    assert clock_time(at) == at
    assert clock_time(at).utcoffset() == timedelta(0)


@pytest.mark.parametrize(
    "at",
    [
        EARLIEST - MILLISECOND,
        LATEST + MILLISECOND,
        datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=14))),
        datetime(9999, 12, 31, 23, 59, tzinfo=timezone(timedelta(hours=-12))),
    ],
)
def test_it_takes_no_others(at: datetime) -> None:
    with pytest.raises(Invalid) as refusal:
        clock_time(at)

    assert refusal.value.code == "test_clock_time_out_of_range"
    assert [fault.pointer for fault in refusal.value.errors] == ["/frozen_time"]


def test_it_counts_in_milliseconds() -> None:
    assert clock_time(START.replace(microsecond=123_999)) == START.replace(microsecond=123_000)


@pytest.mark.parametrize(
    ("target", "code"),
    [
        (START - MILLISECOND, "test_clock_not_forward"),
        (START, "test_clock_not_forward"),
        (START + MILLISECOND, None),
        (START + ADVANCE_MAX, None),
        (START + ADVANCE_MAX + MILLISECOND, "test_clock_too_far"),
    ],
)
def test_it_goes_forward_and_not_too_far(target: datetime, code: str | None) -> None:
    if code is None:
        require_advance(frozen_time=START, target=target)
        return
    with pytest.raises(Invalid) as refusal:
        require_advance(frozen_time=START, target=target)
    assert refusal.value.code == code


def test_two_years_with_a_leap_day_are_not_too_far() -> None:
    require_advance(frozen_time=datetime(2027, 3, 1, tzinfo=UTC), target=datetime(2029, 3, 1, tzinfo=UTC))


@given(due=st.lists(st.none() | days, max_size=8), target=days.filter(lambda at: at >= START))
def test_the_next_moment_is_the_earliest_that_is_due(due: list[datetime | None], target: datetime) -> None:
    moment = next_moment(frozen_time=START, target=target, due=due)

    within = [at for at in due if at is not None and at <= target]
    assert moment == (max(START, min(within)) if within else None)
    assert moment is None or START <= moment <= target


@given(
    due=st.lists(st.tuples(days, st.integers(min_value=0, max_value=3)), max_size=8),
    target=days.filter(lambda at: at >= START),
)
def test_on_the_way_all_that_is_due_is_done_once_and_in_order(
    due: list[tuple[datetime, int]], target: datetime
) -> None:
    """Each piece of work may bring some more, a week after it, as a renewal does."""
    open_work, done, stops, at = list(due), list[datetime](), list[datetime](), START

    while (moment := next_moment(frozen_time=at, target=target, due=[when for when, _ in open_work])) is not None:
        stops.append(at := moment)
        now_due = [piece for piece in open_work if piece[0] <= at]
        assert now_due, "a clock stops only where something is due"
        for piece in now_due:
            open_work.remove(piece)
            done.append(piece[0])
            if piece[1]:
                open_work.append((piece[0] + 7 * DAY, piece[1] - 1))

    expected = sorted(when + 7 * DAY * round_ for when, rounds in due for round_ in range(rounds + 1))
    assert sorted(done) == [when for when in expected if when <= target]
    assert stops == sorted(stops)
    assert [when for when, _ in open_work if when <= target] == []
