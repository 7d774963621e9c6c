"""Any fact gives an entry that balances, and any story of facts leaves the books where its last fact stands."""

from collections import defaultdict
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.gateways.snapshots import BalanceEntrySnapshot
from billing.ledger.entry import Entry, EntryOutOfBalance, Posting, require_balance
from billing.ledger.money_facts import (
    capture_entries,
    dispute_entries,
    fee_entries,
    held_by,
    paid_out,
    refund_entries,
)
from models.dispute import DisputeStatus
from models.ids import new_id
from models.ledger import Account, EntryKind
from models.refund import RefundStatus
from tests.unit.billing.reconciliation import rows

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
AMOUNTS = st.integers(min_value=1, max_value=999_999_999_999)


def sums(entries: list[Entry]) -> dict[Account, int]:
    """Return what entries that all balance have moved, by account."""
    moved: dict[Account, int] = defaultdict(int)
    for entry in entries:
        require_balance(entry)
        for posting in entry.postings:
            moved[posting.account] += posting.amount
    return {account: amount for account, amount in moved.items() if amount}


@given(st.lists(st.integers(min_value=0, max_value=999_999_999_999), max_size=6))
def test_captures_add_up_to_what_is_captured(totals: list[int]) -> None:
    payment, entries, before = rows.payment(customer_id=new_id(), version=0), [], 0
    for total in totals:
        payment.version += 1
        payment.amount_captured_minor = total
        entries += capture_entries(payment, before=before, at=NOW)
        before = total

    assert sums(entries) == ({Account.GATEWAY_CLEARING: before, Account.REVENUE: -before} if before else {})
    assert len({entry.key for entry in entries}) == len(entries)


@given(AMOUNTS, st.lists(st.sampled_from(RefundStatus), max_size=6))
def test_a_refund_is_paid_out_while_it_is_succeeded(amount: int, statuses: list[RefundStatus]) -> None:
    payment = rows.payment(customer_id=new_id(), version=0)
    refund, entries = rows.refund(amount_minor=amount, status=RefundStatus.PENDING), []
    for status in statuses:
        payment.version += 1
        before, refund.status = paid_out(refund), status
        entries += refund_entries(payment, refund, before=before, at=NOW)

    left = amount if refund.status is RefundStatus.SUCCEEDED else 0
    assert sums(entries) == ({Account.REFUNDS: left, Account.GATEWAY_CLEARING: -left} if left else {})
    assert len({entry.key for entry in entries}) == len(entries)
    assert [entry.kind for entry in entries] == [
        EntryKind.REFUND_RETURNED if number % 2 else EntryKind.REFUND_PAID for number in range(len(entries))
    ]


@given(st.lists(st.tuples(st.sampled_from(DisputeStatus), AMOUNTS), min_size=1, max_size=6))
def test_a_dispute_holds_what_it_last_said_however_often_it_is_reopened(
    told: list[tuple[DisputeStatus, int]],
) -> None:
    payment = rows.payment(customer_id=new_id(), version=0)
    dispute, entries, before = rows.dispute(customer_id=payment.customer_id), [], 0
    for status, amount in told:
        payment.version += 1
        dispute.status, dispute.amount_minor = status, amount
        entries += dispute_entries(payment, dispute, before=before, at=NOW)
        before = held_by(dispute)

    assert sums(entries) == ({Account.DISPUTES: before, Account.GATEWAY_CLEARING: -before} if before else {})
    assert len({entry.key for entry in entries}) == len(entries)


@pytest.mark.parametrize(
    ("status", "held"),
    [
        (DisputeStatus.WARNING_NEEDS_RESPONSE, 0),
        (DisputeStatus.WARNING_UNDER_REVIEW, 0),
        (DisputeStatus.WARNING_CLOSED, 0),
        (DisputeStatus.NEEDS_RESPONSE, 2000),
        (DisputeStatus.UNDER_REVIEW, 2000),
        (DisputeStatus.LOST, 2000),
        (DisputeStatus.PREVENTED, 2000),
        (DisputeStatus.WON, 0),
    ],
)
def test_an_inquiry_takes_nothing_and_what_is_won_is_ours_again(status: DisputeStatus, held: int) -> None:
    assert held_by(rows.dispute(status=status)) == held


@given(st.integers(min_value=-10_000, max_value=10_000))
def test_a_fee_is_taken_from_the_clearing_account(fee: int) -> None:
    movement = BalanceEntrySnapshot.model_validate(
        {
            "id": "txn_7",
            "type": "charge",
            "created": 1_795_000_000,
            "amount": 2900,
            "fee": fee,
            "net": 2900 - fee,
            "currency": "usd",
        }
    )
    entries = fee_entries(movement)

    assert sums(entries) == ({Account.GATEWAY_FEES: fee, Account.GATEWAY_CLEARING: -fee} if fee else {})
    for entry in entries:
        assert (entry.key, entry.reference) == ("gateway-fee-txn_7", "txn_7")
        assert entry.occurred_at == datetime.fromtimestamp(1_795_000_000, UTC)
        assert {posting.asset for posting in entry.postings} == {"USD"}


def entry(*lines: tuple[str, int]) -> Entry:
    postings = tuple(Posting(account=Account.REVENUE, asset=asset, amount=amount) for asset, amount in lines)
    return Entry(key="k", kind=EntryKind.GATEWAY_FEE, occurred_at=NOW, postings=postings)


@pytest.mark.parametrize(
    "lines",
    [
        (),
        (("USD", 5),),
        (("USD", 5), ("USD", -4)),
        (("USD", 5), ("EUR", -5)),
        (("USD", 0), ("USD", 0)),
        (("USD", 5), ("USD", -5), ("EUR", 1)),
    ],
)
def test_what_does_not_balance_is_noticed(lines: tuple[tuple[str, int], ...]) -> None:
    with pytest.raises(EntryOutOfBalance, match="the entry k "):
        require_balance(entry(*lines))


@given(st.lists(st.tuples(st.sampled_from(["USD", "EUR", "credits"]), AMOUNTS), min_size=1, max_size=5))
def test_what_balances_for_each_asset_passes(lines: list[tuple[str, int]]) -> None:
    require_balance(entry(*lines, *((asset, -amount) for asset, amount in lines)))
