import pytest

from local.supervisor import restart_pause_seconds


@pytest.mark.parametrize(
    ("failures", "pause"), [(0, 1), (1, 2), (2, 4), (3, 8), (4, 16), (5, 30), (6, 30), (10_000, 30)]
)
def test_the_pause_before_a_restart_doubles_up_to_half_a_minute(failures: int, pause: float) -> None:
    assert restart_pause_seconds(failures_in_a_row=failures) == pause
