"""Reading balances: the roll-up plus the tail behind it, so that no posting has to update a row that all share.

One statement reads both, so that a roll-up in between can neither count a posting twice nor leave it out. What has happened up
to an instant is summed from the postings themselves: the roll-up is of what was written, not of when it happened.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import text
from sqlalchemy.orm import Session

from models.ledger import Account, Side, normal_side

# A roll-up from another server (a restored dump) is of numbers that this server has not reached: it is left out of account.
ROLLED_UP = """
    SELECT account, asset, debit, credit, up_to FROM ledger_totals
    WHERE up_to <= pg_snapshot_xmax(pg_current_snapshot())::text::bigint
"""
BALANCES = f"""
    WITH rolled_up AS ({ROLLED_UP}), cut AS (SELECT coalesce(max(up_to), 0) AS at FROM rolled_up)
    SELECT account, asset, sum(debit)::bigint AS debit, sum(credit)::bigint AS credit FROM (
        SELECT account, asset, debit, credit FROM rolled_up
        UNION ALL
        SELECT account, asset, coalesce(sum(amount) FILTER (WHERE amount > 0), 0),
            coalesce(-sum(amount) FILTER (WHERE amount < 0), 0)
        FROM ledger_postings WHERE recorded_in >= (SELECT at FROM cut) GROUP BY account, asset
    ) parts GROUP BY account, asset
"""  # noqa: S608 - our own constant
_BALANCES_AS_OF = """
    SELECT p.account, p.asset, coalesce(sum(p.amount) FILTER (WHERE p.amount > 0), 0)::bigint AS debit,
        coalesce(-sum(p.amount) FILTER (WHERE p.amount < 0), 0)::bigint AS credit
    FROM ledger_postings p JOIN ledger_entries e ON e.id = p.entry_id WHERE e.occurred_at <= :as_of
    GROUP BY p.account, p.asset
"""


class AccountBalance(NamedTuple):
    """What an account was debited and credited with, in the smallest unit of the asset."""

    account: Account
    asset: str
    debit: int
    credit: int

    @property
    def balance(self) -> int:
        """The difference, positive on the account's normal side."""
        difference = self.debit - self.credit
        return difference if normal_side(self.account) is Side.DEBIT else -difference


class AssetTotal(NamedTuple):
    """A line of the trial balance: all debits and all credits of an asset, which are equal."""

    asset: str
    debit: int
    credit: int


def account_balances(session: Session, *, as_of: datetime | None) -> list[AccountBalance]:
    """Return every account that has a posting, in the order of the chart; with `as_of`, of what had occurred by then."""
    if as_of is None:
        rows = session.execute(text(BALANCES)).all()
    else:
        rows = session.execute(text(_BALANCES_AS_OF), {"as_of": as_of}).all()
    chart = list(Account)
    found = [AccountBalance(Account(row.account), row.asset, row.debit, row.credit) for row in rows]
    return sorted(found, key=lambda each: (chart.index(each.account), each.asset))


def trial_balance(balances: Sequence[AccountBalance]) -> list[AssetTotal]:
    """Return the sums of each asset, in the order of their names."""
    assets = sorted({each.asset for each in balances})
    return [
        AssetTotal(
            asset,
            sum(each.debit for each in balances if each.asset == asset),
            sum(each.credit for each in balances if each.asset == asset),
        )
        for asset in assets
    ]
