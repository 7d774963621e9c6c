from datetime import timedelta

import pytest

from billing.leases import (
    FAILURE_PAUSE_SECONDS,
    FAILURES_MAX,
    POSTPONE_PAUSE_SECONDS_MAX,
    POSTPONEMENTS_MAX,
    failure_pause,
    postpone_pause,
)

DRAWS = 50


@pytest.mark.parametrize("failures", range(1, FAILURES_MAX + 1))
def test_the_pause_after_a_failure_doubles_with_half_of_it_left_to_chance(failures: int) -> None:
    longest = timedelta(seconds=FAILURE_PAUSE_SECONDS * 2 ** (failures - 1))

    assert all(longest / 2 <= failure_pause(failures) <= longest for _ in range(DRAWS))


@pytest.mark.parametrize(("postponements", "longest_seconds"), [(1, 2), (2, 4), (5, 32), (6, 60), (10, 60), (1900, 60)])
def test_the_pause_while_a_part_is_away_grows_up_to_a_minute(postponements: int, longest_seconds: int) -> None:
    longest = timedelta(seconds=longest_seconds)

    assert all(longest / 2 <= postpone_pause(postponements) <= longest for _ in range(DRAWS))


def test_an_outage_of_half_a_day_kills_no_work_and_one_of_two_days_ends_it() -> None:
    shortest = sum((postpone_pause(count) for count in range(1, POSTPONEMENTS_MAX + 1)), timedelta())

    assert timedelta(hours=12) < shortest < timedelta(seconds=POSTPONE_PAUSE_SECONDS_MAX * POSTPONEMENTS_MAX)
    assert timedelta(seconds=POSTPONE_PAUSE_SECONDS_MAX * POSTPONEMENTS_MAX) < timedelta(days=2)
