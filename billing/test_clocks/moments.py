"""Rule: to which times a clock may be set, and where it stops on its way.

The credits count in milliseconds, so that a clock does, too.
"""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from billing.errors import FieldFault, Invalid
from billing.timestamps import iso

EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)
# Far past any plan, and near enough that what is reckoned from it is still a date.
LATEST = datetime(2999, 12, 31, 23, 59, 59, 999_000, tzinfo=UTC)
# Two years, a leap year among them: what falls due on the way is done piece by piece, and should come to an end.
ADVANCE_MAX = timedelta(days=731)
_FIELD = "/frozen_time"


class ClockTimeOutOfRange(Invalid):
    """A clock takes instants from 2000 to 2999."""

    code = "test_clock_time_out_of_range"


class ClockNotForward(Invalid):
    """A clock goes forward only."""

    code = "test_clock_not_forward"


class ClockTooFar(Invalid):
    """A clock advances by two years at most at once."""

    code = "test_clock_too_far"


def clock_time(at: datetime) -> datetime:
    """Return the instant in UTC as a clock takes it, cut to milliseconds. Raises ClockTimeOutOfRange."""
    if not EARLIEST <= at <= LATEST:
        detail = f"a test clock takes an instant from {iso(EARLIEST)} to {iso(LATEST)}"
        raise ClockTimeOutOfRange(detail, errors=[FieldFault(_FIELD, "out_of_range", detail)])
    in_utc = at.astimezone(UTC)
    return in_utc.replace(microsecond=in_utc.microsecond // 1_000 * 1_000)


def require_advance(*, frozen_time: datetime, target: datetime) -> None:
    """Raise ClockNotForward or ClockTooFar unless a clock may go from one time to the other."""
    if target <= frozen_time:
        detail = f"it is {iso(frozen_time)} there, and a test clock goes forward only"
        raise ClockNotForward(detail, errors=[FieldFault(_FIELD, "not_forward", detail)])
    if target - frozen_time > ADVANCE_MAX:
        detail = f"it is {iso(frozen_time)} there, and a test clock goes {ADVANCE_MAX.days} days at most at once"
        raise ClockTooFar(detail, errors=[FieldFault(_FIELD, "too_far", detail)])


def next_moment(*, frozen_time: datetime, target: datetime, due: Iterable[datetime | None]) -> datetime | None:
    """Return when something is due next on the way to `target`, itself included; None when nothing is any more.

    What was due before `frozen_time` is due then: a clock never goes back.
    """
    earliest = min((at for at in due if at is not None), default=None)
    if earliest is None or earliest > target:
        return None
    return max(earliest, frozen_time)
