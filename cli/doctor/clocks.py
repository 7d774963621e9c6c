"""How far clocks may be apart: signatures, tokens and due dates are compared across machines."""

from datetime import datetime

from cli.doctor.finding import Finding, failed, ok, warning

GOOD_SECONDS = 2.0
# Webhook signatures are refused at 300 s; one minute leaves room for slow deliveries.
TOLERABLE_SECONDS = 60.0


def skew_finding(check: str, *, theirs: datetime, ours: datetime) -> Finding:
    """Compare two clocks that were read at the same moment."""
    seconds = abs((theirs - ours).total_seconds())
    seen = f"{seconds:.1f} s apart from this machine's"
    mend = "synchronise the clocks of both machines (NTP)"
    if seconds > TOLERABLE_SECONDS:
        return failed(check, seen, mend=mend)
    return ok(check, seen) if seconds <= GOOD_SECONDS else warning(check, seen, mend=mend)
