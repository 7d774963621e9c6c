"""The task that deducts the credits of usage events."""

from billing.clock import utc_now
from billing.hints import Hint
from billing.runtime import Runtime
from billing.usage.charge import charge_due
from models.usage import UsageCharge
from tasks.base import billing_task
from tasks.drain import drain


@billing_task("usage.charge")
def charge_usage(runtime: Runtime, **_: object) -> str:
    """Deduct what usage events cost until nothing is due."""
    return drain(runtime, hint=Hint.USAGE, table=UsageCharge, step=lambda: charge_due(runtime, now=utc_now))
