"""No two rows of a file are the same."""

from datetime import UTC, datetime

from billing.imports.customers import CustomerRow
from billing.imports.outcome import RowReport, refused
from billing.imports.run import once_each
from billing.imports.subscriptions import SubscriptionRow
from billing.imports.table import Fault
from models.price import PriceInterval
from models.subscription import Collection


def customer(line: int, external_id: str, gateway_id: str | None = None) -> CustomerRow:
    return CustomerRow(line, external_id, gateway_id, {})


def subscription(line: int, external_id: str, *, owner: str = "a", plan: str = "pro") -> SubscriptionRow:
    return SubscriptionRow(
        line=line,
        external_id=external_id,
        customer=owner,
        plan=plan,
        interval=PriceInterval.MONTH,
        quantity=1,
        currency=None,
        current_period_start=datetime(2026, 1, 1, tzinfo=UTC),
        billing_anchor_day=None,
        trial_end=None,
        collection=Collection.AUTOMATIC,
        days_until_due=0,
        payment_method=None,
        auto_renew=True,
        metadata={},
    )


def faults(*rows: CustomerRow | SubscriptionRow | RowReport) -> dict[int, tuple[Fault, ...]]:
    return {row.line: row.faults for row in once_each(rows) if isinstance(row, RowReport)}


def test_an_external_id_is_in_a_file_once() -> None:
    assert faults(customer(2, "a"), customer(3, "b"), customer(4, "a")) == {
        4: (Fault("external_id", "is the same as in line 2"),)
    }


def test_a_gateways_customer_is_adopted_once() -> None:
    assert faults(customer(2, "a", "cus_1"), customer(3, "b"), customer(4, "c"), customer(5, "d", "cus_1")) == {
        5: (Fault("gateway_customer_id", "is the same as in line 2"),)
    }


def test_a_customer_has_a_plan_once_and_another_has_it_too() -> None:
    assert faults(
        subscription(2, "1"), subscription(3, "2"), subscription(4, "3", plan="team"), subscription(5, "1", owner="b")
    ) == {3: (Fault("plan", "is the same as in line 2"),)}


def test_a_row_that_was_refused_stays_so() -> None:
    report = refused(2, "a", Fault(None, "why"))

    assert faults(report, customer(3, "a")) == {2: report.faults}
