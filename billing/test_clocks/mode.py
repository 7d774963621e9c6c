"""Rule: test clocks are for installations where no real money moves."""

from billing.errors import Forbidden


class ClocksOnlyInTestMode(Forbidden):
    """Test clocks were asked for in an installation with a live key."""

    code = "test_clocks_only_in_test_mode"


def require_test_mode(*, livemode: bool) -> None:
    """Raise ClocksOnlyInTestMode in live mode."""
    if livemode:
        raise ClocksOnlyInTestMode(
            "there are no test clocks in live mode: what is billed there is real; use an installation with sk_test_…"
        )
