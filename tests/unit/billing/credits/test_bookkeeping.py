"""Every operation is a balanced entry, and its customer's accounts move by what the operation did to them."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.credits.bookkeeping import ledger_entry
from billing.credits.journal import Entry
from billing.ledger.entry import require_balance
from models.credits import TransactionType
from models.ids import new_id
from models.ledger import CUSTOMER_ACCOUNTS, Account

CUSTOMER = UUID("01a210ee-81b8-77e7-ae6f-eb81fefc7f2e")
T = TransactionType


def operation(type_: TransactionType, amount: int, **parts: Any) -> Entry:
    values: dict[str, Any] = {
        **dict.fromkeys(Entry._fields),
        "id": new_id(),
        "customer_id": CUSTOMER,
        "seq": 1,
        "type": type_,
        "amount": amount,
        "at": datetime(2026, 11, 25, tzinfo=UTC),
        "returned": 0,
        "owed": 0,
        "debt_paid": 0,
        "grants": (),
        "changes": {},
        "paid": {},
    }
    return Entry(**{**values, **parts})


def moved(entry: Entry) -> dict[Account, int]:
    posted = ledger_entry(entry, money=())
    require_balance(posted)
    assert posted.id == entry.id
    assert {posting.customer_id for posting in posted.postings if posting.account in CUSTOMER_ACCOUNTS} <= {CUSTOMER}
    assert {posting.customer_id for posting in posted.postings if posting.account not in CUSTOMER_ACCOUNTS} <= {None}
    return {posting.account: posting.amount for posting in posted.postings}


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        (operation(T.GRANT, 10), {"credits_issued": 10, "customer_credits": -10}),
        (
            operation(T.GRANT, 10, debt_paid=4),
            {"credits_issued": 10, "customer_credits": -6, "customer_credit_debt": -4},
        ),
        (operation(T.GRANT, 10, debt_paid=10), {"credits_issued": 10, "customer_credit_debt": -10}),
        (
            operation(T.REVOKE, 10, owed=4),
            {"customer_credits": 6, "customer_credit_debt": 4, "credits_revoked": -10},
        ),
        (operation(T.DEDUCT, 10, paid={"g": 10}), {"customer_credits": 10, "credits_spent": -10}),
        (operation(T.DEDUCT, 10), {"credits_issued": 10, "credits_spent": -10}),
        (
            operation(T.DEDUCT, 10, paid={"g": 6}, owed=4),
            {"customer_credits": 6, "customer_credit_debt": 4, "credits_spent": -10},
        ),
        (operation(T.DEDUCT, 10, owed=10), {"customer_credit_debt": 10, "credits_spent": -10}),
        (operation(T.HOLD, 10, changes={"g": -10}), {"customer_credits": 10, "customer_credits_held": -10}),
        (operation(T.HOLD, 10), {"credits_issued": 10, "customer_credits_held": -10}),
        (
            operation(T.CAPTURE, 7, returned=3, paid={"g": 7}, changes={"g": 3}),
            {"customer_credits_held": 10, "credits_spent": -7, "customer_credits": -3},
        ),
        (
            operation(T.CAPTURE, 7, returned=3),
            {"customer_credits_held": 10, "credits_spent": -7, "credits_issued": -3},
        ),
        (operation(T.RELEASE, 10, changes={"g": 10}), {"customer_credits_held": 10, "customer_credits": -10}),
        (operation(T.RELEASE, 10), {"customer_credits_held": 10, "credits_issued": -10}),
        (operation(T.HOLD_EXPIRED, 10, changes={"g": 10}), {"customer_credits_held": 10, "customer_credits": -10}),
        (operation(T.GRANT_EXPIRED, 10, changes={"g": -10}), {"customer_credits": 10, "credits_expired": -10}),
        (operation(T.TRANSFER_HOLD, 10, changes={"g": -10}), {"customer_credits": 10, "customer_credits_held": -10}),
        (operation(T.TRANSFER_OUT, 10), {"customer_credits_held": 10, "credits_in_transfer": -10}),
        (operation(T.TRANSFER_REFUSED, 10, changes={"g": 10}), {"customer_credits_held": 10, "customer_credits": -10}),
        (operation(T.TRANSFER_IN, 10), {"credits_in_transfer": 10, "customer_credits": -10}),
        (
            operation(T.TRANSFER_IN, 10, debt_paid=4),
            {"credits_in_transfer": 10, "customer_credits": -6, "customer_credit_debt": -4},
        ),
    ],
)
def test_what_an_operation_is_in_the_books(entry: Entry, expected: dict[str, int]) -> None:
    assert {str(account): amount for account, amount in moved(entry).items()} == expected


@given(
    type_=st.sampled_from([type_ for type_ in TransactionType if type_ is not TransactionType.LIMIT_CHANGED]),
    amount=st.integers(1, 10**12),
    part=st.integers(0, 10**12),
    limited=st.booleans(),
)
def test_any_operation_balances(type_: TransactionType, amount: int, part: int, limited: bool) -> None:
    parts: dict[str, Any] = {"owed": min(part, amount), "debt_paid": min(part, amount), "returned": part}
    if limited:
        parts |= {"changes": {"g": -amount}, "paid": {"g": amount}}
    moved(operation(type_, amount, **parts))
