from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.reconciliation.compare import (
    Finding,
    compare_dispute,
    compare_entry,
    compare_payment,
    compare_refund,
    expected_amount,
    is_compared,
)
from models.dispute import DisputeStatus
from models.payment import PaymentStatus
from models.refund import RefundStatus
from tests.unit.billing.reconciliation.rows import (
    dispute,
    dispute_there,
    entry,
    intent,
    payment,
    refund,
    refund_there,
)

S = PaymentStatus


def said(findings: list[Finding]) -> set[tuple[str, str]]:
    return {(str(finding.kind), str(finding.mend)) for finding in findings}


@pytest.mark.parametrize(
    ("ours", "theirs", "expected"),
    [
        ({}, {}, set()),
        ({"status": S.PROCESSING, "amount_captured_minor": 0}, {}, {("status_differs", "apply_gateway_state")}),
        ({}, {"amount": 2901}, {("amount_differs", "correct_amount")}),
        ({}, {"currency": "eur"}, {("currency_differs", "correct_amount")}),
        (
            {"status": S.PROCESSING},
            {"amount": 1, "currency": "eur"},
            {
                ("amount_differs", "correct_amount"),
                ("currency_differs", "correct_amount"),
                ("status_differs", "apply_gateway_state"),
            },
        ),
        ({"amount_captured_minor": 2000}, {}, {("amount_differs", "correct_amount")}),
        ({"gateway_id": None, "status": S.PENDING}, {}, {("missing_here", "apply_gateway_state")}),
        ({"gateway_id": "pi_other"}, {}, {("duplicate_there", "refund_duplicate")}),
        ({"gateway_id": "pi_other"}, {"status": "canceled", "amount_received": 0}, set()),
    ],
)
def test_payments(ours: dict[str, Any], theirs: dict[str, Any], expected: set[tuple[str, str]]) -> None:
    assert said(compare_payment(ours=payment(**ours), theirs=intent(**theirs))) == expected


def test_a_payment_that_one_side_does_not_have() -> None:
    (foreign,) = compare_payment(ours=None, theirs=intent())
    (lost,) = compare_payment(ours=payment(), theirs=None)

    assert (foreign.kind, foreign.mend, foreign.subject, foreign.ours) == (
        "missing_here", "judge_foreign_object", "pi_1", None,
    )  # fmt: skip
    assert (lost.kind, lost.mend, lost.subject, lost.theirs) == ("missing_there", "find_lost_object", "pi_1", None)


@pytest.mark.parametrize(
    ("ours", "theirs", "known", "expected"),
    [
        ({}, {}, True, set()),
        ({"status": RefundStatus.PENDING}, {}, True, {("status_differs", "apply_gateway_state")}),
        ({}, {"amount": 901}, True, {("amount_differs", "correct_amount")}),
        ({}, {"currency": "eur"}, True, {("currency_differs", "correct_amount")}),
        ({"gateway_id": None}, {}, True, {("missing_here", "apply_gateway_state")}),
        (None, {}, True, {("missing_here", "apply_gateway_state")}),
        (None, {}, False, {("missing_here", "judge_foreign_object")}),
        ({}, None, True, {("missing_there", "find_lost_object")}),
    ],
)
def test_refunds(
    ours: dict[str, Any] | None, theirs: dict[str, Any] | None, known: bool, expected: set[tuple[str, str]]
) -> None:
    row = refund(**ours) if ours is not None else None
    snapshot = refund_there(**theirs) if theirs is not None else None

    assert said(compare_refund(ours=row, theirs=snapshot, payment_known=known)) == expected


@pytest.mark.parametrize(
    ("ours", "theirs", "known", "expected"),
    [
        ({}, {}, True, set()),
        ({}, {"status": "lost"}, True, {("status_differs", "apply_gateway_state")}),
        # Of a dispute the gateway keeps the record: what it says now is followed.
        ({}, {"amount": 1900}, True, {("amount_differs", "apply_gateway_state")}),
        (None, {}, True, {("missing_here", "apply_gateway_state")}),
        (None, {}, False, {("missing_here", "judge_foreign_object")}),
        ({}, None, True, {("missing_there", "find_lost_object")}),
    ],
)
def test_disputes(
    ours: dict[str, Any] | None, theirs: dict[str, Any] | None, known: bool, expected: set[tuple[str, str]]
) -> None:
    row = dispute(**ours) if ours is not None else None
    snapshot = dispute_there(**theirs) if theirs is not None else None

    assert said(compare_dispute(ours=row, theirs=snapshot, payment_known=known)) == expected


@pytest.mark.parametrize(
    ("type_", "source", "compared"),
    [
        ("charge", "charge", True),
        ("payment", "charge", True),
        ("refund", "refund", True),
        ("payment_refund", "refund", True),
        ("refund_failure", "refund", True),
        ("adjustment", "dispute", True),
        ("adjustment", None, False),
        ("payout", "payout", False),
        ("stripe_fee", None, False),
        ("charge", "unknown", False),
    ],
)
def test_what_of_the_balance_is_ours(type_: str, source: str | None, compared: bool) -> None:
    assert is_compared(entry(type_, 1, source=source)) is compared


@pytest.mark.parametrize(
    ("moved", "ours", "expected"),
    [
        (entry("charge", 2900, source="charge"), payment(), set()),
        (entry("charge", 2899, source="charge"), payment(), {("amount_differs", "correct_amount")}),
        (
            entry("charge", 2900, source="charge"),
            payment(status=S.REQUIRES_ACTION, amount_captured_minor=0),
            {("amount_differs", "apply_gateway_state")},
        ),
        (entry("charge", 2000, source="charge"), payment(amount_captured_minor=2000), set()),
        (entry("refund", -900, source="refund"), refund(), set()),
        (entry("refund", -901, source="refund"), refund(), {("amount_differs", "correct_amount")}),
        (entry("refund_failure", 900, source="refund"), refund(status=RefundStatus.FAILED), set()),
        (entry("refund_failure", 900, source="refund"), refund(), {("status_differs", "apply_gateway_state")}),
        (entry("adjustment", -2000, source="dispute"), dispute(), set()),
        (entry("adjustment", 2000, source="dispute"), dispute(status=DisputeStatus.WON), set()),
        (entry("adjustment", -1, source="dispute"), dispute(), {("amount_differs", "apply_gateway_state")}),
        (entry("charge", 2900, source="charge"), None, {("missing_here", "judge_foreign_object")}),
    ],
)  # fmt: skip
def test_movements_of_the_balance(moved: Any, ours: Any, expected: set[tuple[str, str]]) -> None:
    assert said(compare_entry(moved, ours=ours)) == expected


def test_what_the_gateway_converted_is_taken_as_it_is() -> None:
    converted = entry("charge", 2650, source="charge", currency="eur")

    assert compare_entry(converted, ours=payment()) == []
    assert expected_amount(converted, ours=payment()) == 2650


amounts = st.integers(min_value=1, max_value=99_999_999)


@given(ours=amounts, theirs=amounts)
def test_an_amount_that_differs_by_one_cent_is_never_equal(ours: int, theirs: int) -> None:
    found = compare_payment(
        ours=payment(amount_minor=ours, amount_captured_minor=ours),
        theirs=intent(amount=theirs, amount_received=theirs),
    )

    assert bool(found) is (ours != theirs)
    assert all(finding.mend == "correct_amount" for finding in found)


@given(captured=amounts, refunded=amounts, disputed=amounts)
def test_the_sum_of_what_is_expected_is_what_our_rows_hold(captured: int, refunded: int, disputed: int) -> None:
    moves: list[tuple[Any, Any]] = [
        (entry("charge", 0, source="charge"), payment(amount_captured_minor=captured)),
        (entry("refund", 0, source="refund"), refund(amount_minor=refunded)),
        (entry("adjustment", -1, source="dispute"), dispute(amount_minor=disputed)),
    ]

    assert sum(expected_amount(move, ours=row) for move, row in moves) == captured - refunded - disputed
