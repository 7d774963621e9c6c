"""From the cells of a line to what is imported: as the API takes it, with every fault of a line said at once."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.imports.customers import CustomerRow
from billing.imports.outcome import RowReport
from billing.imports.subscriptions import SubscriptionRow
from billing.imports.table import Fault, TableRow
from cli.imports.rows import CUSTOMER_COLUMNS, SUBSCRIPTION_COLUMNS, customer_rows, subscription_rows

CUSTOMER = {"external_id": "a1", "email": "ada@example.com"}
SUBSCRIPTION = {"customer": "a1", "plan": "pro", "current_period_start": "2026-03-01"}


def customer(**cells: str) -> CustomerRow | RowReport:
    (row,) = customer_rows([TableRow(2, {**CUSTOMER, **cells})])
    return row


def subscription(**cells: str) -> SubscriptionRow | RowReport:
    (row,) = subscription_rows([TableRow(2, {**SUBSCRIPTION, **cells})], auto_renew=True)
    return row


def faults(row: object) -> dict[str | None, str]:
    assert isinstance(row, RowReport)
    assert row.refused
    return {fault.column: fault.detail for fault in row.faults}


def test_a_whole_customer() -> None:
    row = customer(
        name="Ada",
        currency="eur",
        line1="Street 1",
        city="Berlin",
        country="de",
        tax_id="DE123",
        locale="de-DE",
        timezone="Europe/Berlin",
        gateway_customer_id="cus_1",
        **{"metadata.tier": "gold"},
    )

    assert isinstance(row, CustomerRow)
    assert (row.line, row.external_id, row.gateway_id) == (2, "a1", "cus_1")
    assert row.fields == {
        "email": "ada@example.com",
        "name": "Ada",
        "currency": "EUR",
        "line1": "Street 1",
        "line2": None,
        "city": "Berlin",
        "postal_code": None,
        "state": None,
        "country": "DE",
        "tax_id": "DE123",
        "locale": "de-DE",
        "timezone": "Europe/Berlin",
        "metadata_": {"tier": "gold"},
    }


def test_every_fault_of_a_customer_is_said() -> None:
    row = customer(email="nobody", currency="XXY", country="Germany", gateway_customer_id="42", timezone="!")

    assert faults(row) == {
        "email": "has not the form that it takes, as in ada@example.com",
        "gateway_customer_id": "has not the form that it takes, as in cus_NffrFeUfNV2Hib",
        "country": "has not the form that it takes, as in DE",
        "currency": "'XXY' is not an ISO 4217 currency code",
        "timezone": "has not the form that it takes, as in Europe/Berlin",
    }


def test_a_cell_that_has_to_be_there() -> None:
    (row,) = customer_rows([TableRow(7, {"external_id": "a1"})])

    assert isinstance(row, RowReport)
    assert (row.line, row.external_id) == (7, "a1")
    assert faults(row) == {"email": "is missing"}


def test_a_row_that_was_faulty_stays_so() -> None:
    fault = Fault(None, "the row has 1 cells, the header 2")
    (row,) = customer_rows([TableRow(2, CUSTOMER, (fault,))])

    assert isinstance(row, RowReport)
    assert row.faults == (fault,)


def test_a_subscription_with_what_is_usual() -> None:
    row = subscription()

    assert isinstance(row, SubscriptionRow)
    assert row.external_id == "a1/pro"
    assert row.current_period_start == datetime(2026, 3, 1, tzinfo=UTC)
    assert (row.interval, row.quantity, row.currency, row.collection) == ("month", 1, None, "automatic")
    assert (row.trial_end, row.payment_method, row.auto_renew) == (None, None, True)


def test_a_whole_subscription() -> None:
    row = subscription(
        external_id="s1",
        status="trialing",
        interval="year",
        quantity="3",
        currency="usd",
        current_period_start="2026-03-01T10:30:00.5+02:00",
        trial_end="2026-03-15",
        collection="send_invoice",
        days_until_due="14",
        payment_method="pm_1",
        auto_renew="false",
        billing_anchor_day="15",
    )

    assert isinstance(row, SubscriptionRow)
    assert row.current_period_start == datetime(2026, 3, 1, 8, 30, tzinfo=UTC)
    assert row.trial_end == datetime(2026, 3, 15, tzinfo=UTC)
    assert (row.external_id, row.interval, row.quantity, row.currency) == ("s1", "year", 3, "USD")
    assert (row.collection, row.days_until_due, row.payment_method) == ("send_invoice", 14, "pm_1")
    assert (row.auto_renew, row.billing_anchor_day) == (False, 15)


@pytest.mark.parametrize(
    ("cells", "column"),
    [
        ({"status": "canceled"}, "status"),
        ({"status": "trialing"}, "trial_end"),
        ({"trial_end": "2026-03-15"}, "trial_end"),
        ({"interval": "day"}, "interval"),
        ({"quantity": "0"}, "quantity"),
        ({"quantity": "1.5"}, "quantity"),
        ({"quantity": "1e400"}, "quantity"),
        ({"currency": "XXY"}, "currency"),
        ({"current_period_start": "01.03.2026"}, "current_period_start"),
        ({"current_period_start": "0001-01-01"}, "current_period_start"),
        ({"current_period_start": "9999-12-31T23:59:59-12:00"}, "current_period_start"),
        ({"current_period_start": "1772323200"}, "current_period_start"),
        ({"billing_anchor_day": "32"}, "billing_anchor_day"),
        ({"payment_method": "4242424242424242"}, "payment_method"),
        ({"auto_renew": "maybe"}, "auto_renew"),
        ({"days_until_due": "-1"}, "days_until_due"),
    ],
)
def test_a_subscriptions_fault_names_its_column(cells: dict[str, str], column: str) -> None:
    assert list(faults(subscription(**cells))) == [column]


texts = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=30)


@given(st.dictionaries(st.sampled_from([*CUSTOMER_COLUMNS, "metadata.a", "metadata."]), texts))
def test_no_customer_breaks_the_import(cells: dict[str, str]) -> None:
    (row,) = customer_rows([TableRow(2, cells)])

    assert row.line == 2


@given(st.dictionaries(st.sampled_from([*SUBSCRIPTION_COLUMNS, "metadata.a"]), texts | st.integers().map(str)))
def test_no_subscription_breaks_the_import(cells: dict[str, str]) -> None:
    (row,) = subscription_rows([TableRow(2, cells)], auto_renew=True)

    assert row.line == 2
