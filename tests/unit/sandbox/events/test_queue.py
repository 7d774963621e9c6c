"""The pauses between attempts."""

from sandbox.events.queue import ATTEMPTS_LIMIT, pause_seconds


def test_pauses_double_up_to_an_hour() -> None:
    assert [pause_seconds(attempts=number) for number in (1, 2, 3, 12, 13, 83)] == [1, 2, 4, 2048, 3600, 3600]


def test_deliveries_are_tried_for_about_three_days() -> None:
    total = sum(pause_seconds(attempts=number) for number in range(1, ATTEMPTS_LIMIT))

    assert 2.9 < total / 86_400 < 3.2
