"""How much an event counts: exactly what it says, or nothing at all."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.decimals import plain
from billing.usage.quantity import UsageValueInvalid, project_of, quantity_of
from tests.unit.billing.usage.meters import meter

quantities = st.decimals(min_value=0, max_value=10**15, places=9, allow_nan=False, allow_infinity=False)


@pytest.mark.parametrize(
    ("value", "quantity"),
    [
        (0, "0"), (350, "350"), (10**15, "1000000000000000"), (Decimal("0.1"), "0.1"), (Decimal("1e-9"), "0.000000001"),
        ("0.125", "0.125"), ("0007", "7"), (Decimal("1.50000000000000"), "1.5"), (Decimal("0e99"), "0"), (Decimal("1E3"), "1000"),
    ],
)  # fmt: skip
def test_the_number_that_the_meter_sums(value: object, quantity: str) -> None:
    found = quantity_of(meter(), {"tokens": value, "other": 5})

    assert (plain(found), found) == (quantity, Decimal(quantity))


@pytest.mark.parametrize(
    "value",
    [
        None, True, "", "-1", "1e3", "1,5", " 1", "1.0000000001", "\N{ARABIC-INDIC DIGIT ONE}", [], {},
        -1, Decimal("-0.1"), 10**15 + 1, 10**4000,
        Decimal("1e999999999"), Decimal("1e-999999999"), Decimal("1e-10"), Decimal("0.1234567891"),
    ],
)  # fmt: skip
def test_what_is_no_number_that_can_be_counted_is_refused_with_its_place(value: object) -> None:
    with pytest.raises(UsageValueInvalid) as refused:
        quantity_of(meter(), {"tokens": value})

    assert [fault.pointer for fault in refused.value.errors] == ["/data/tokens"]


@pytest.mark.parametrize("data", [None, {}, [], "text", 5, [{"tokens": 1}]])
def test_what_is_not_there_is_not_zero(data: object) -> None:
    with pytest.raises(UsageValueInvalid):
        quantity_of(meter(), data)


@pytest.mark.parametrize("data", [None, {"tokens": "many"}, [], "text"])
def test_a_meter_that_counts_looks_at_no_data(data: object) -> None:
    assert quantity_of(meter(sums=None), data) == 1


def test_an_event_cannot_cost_more_than_one_deduction_takes() -> None:
    counted = meter(per_unit=(1_000, 1))

    assert quantity_of(counted, {"tokens": 999_999_999}) == 999_999_999
    with pytest.raises(UsageValueInvalid, match="several events"):
        quantity_of(counted, {"tokens": 1_000_000_000})


@given(quantities)
def test_a_quantity_is_written_as_it_was_read(value: Decimal) -> None:
    assert quantity_of(meter(), {"tokens": value}) == value
    assert Decimal(plain(value)) == value
    assert quantity_of(meter(), {"tokens": plain(value)}) == value
    assert "E" not in plain(value)


def test_a_project_is_a_text() -> None:
    assert project_of({"projectId": "p1"}) == "p1"
    assert project_of({"projectId": None}) == project_of({}) == project_of(None) == project_of([1]) == ""
    for wrong in (5, ["p"], "p" * 501):
        with pytest.raises(UsageValueInvalid):
            project_of({"projectId": wrong})
