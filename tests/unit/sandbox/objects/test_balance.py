"""Stripe's fee."""

import pytest

from sandbox.objects.balance import new_balance_transaction, processing_fee, settled_status


@pytest.mark.parametrize(
    # 2.9 % of 500 is 14.5, which rounds up to 15.
    ("amount", "fee"),
    [(100, 33), (500, 45), (1050, 60), (2000, 88), (99_999_999, 2_900_030)],
)
def test_the_fee_is_rounded_half_up(amount: int, fee: int) -> None:
    assert processing_fee(amount=amount) == fee


def test_money_becomes_available_after_two_days() -> None:
    source = {"id": "ch_1", "currency": "usd"}
    entry = new_balance_transaction(
        source=source, amount=2000, fee=88, entry_type="charge", category="charge", created=1000
    )

    assert entry["net"] == 1912
    assert settled_status(entry, now=1000 + 172_799) == "pending"
    assert settled_status(entry, now=1000 + 172_800) == "available"
