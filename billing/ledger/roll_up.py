"""Use case: roll the accounts' totals forward, so that a balance is a few rows and a short tail.

The order of commits is not the order of ids, so what may be rolled up is decided by the database transactions themselves: each
posting carries the number of the one that wrote it (`recorded_in`). Below the oldest number that is still running, all of them
have ended, and no posting can be added any more. A transaction that stays open for long makes the tail longer, never wrong.
"""

from typing import NamedTuple

import structlog
from sqlalchemy import text
from sqlalchemy.orm import Session

# How many database transactions are rolled up at once: bounds the rows that one statement has to add up.
TRANSACTIONS_MAX = 10_000
_REACHED = text(
    """
    SELECT (SELECT max(up_to) FROM ledger_totals) AS held,
        pg_snapshot_xmin(pg_current_snapshot())::text::bigint AS settled,
        pg_snapshot_xmax(pg_current_snapshot())::text::bigint AS next
    """
)
_ADD = text(
    """
    INSERT INTO ledger_totals AS held (account, asset, debit, credit, up_to)
    SELECT account, asset, coalesce(sum(amount) FILTER (WHERE amount > 0), 0),
        coalesce(-sum(amount) FILTER (WHERE amount < 0), 0), :cut
    FROM ledger_postings WHERE recorded_in >= :start AND recorded_in < :cut GROUP BY account, asset
    ON CONFLICT (account, asset) DO UPDATE
    SET debit = held.debit + excluded.debit, credit = held.credit + excluded.credit
    """
)
log = structlog.get_logger(__name__)


class RolledUp(NamedTuple):
    """Up to which database transaction the totals are now, and whether more could be rolled up at once."""

    up_to: int
    more: bool


def roll_up(session: Session) -> RolledUp | None:
    """Add what up to TRANSACTIONS_MAX database transactions have posted to the totals; None when there is nothing yet.

    Balances can be read meanwhile; a second roll-up waits for this one. A server whose numbers are behind the totals (a dump
    restored elsewhere) begins them anew.
    """
    session.execute(text("LOCK TABLE ledger_totals IN SHARE ROW EXCLUSIVE MODE"))
    held, settled, following = session.execute(_REACHED).one()
    if held is not None and held > following:
        log.warning("ledger.totals_begun_anew", up_to=held, following=following)
        session.execute(text("DELETE FROM ledger_totals"))
        held = None
    start = held if held is not None else session.scalar(text("SELECT min(recorded_in) FROM ledger_postings"))
    if start is None:
        return None
    cut = min(settled, start + TRANSACTIONS_MAX)
    if cut <= start:
        return RolledUp(start, more=False)
    session.execute(_ADD, {"start": start, "cut": cut})
    session.execute(text("UPDATE ledger_totals SET up_to = :cut"), {"cut": cut})
    return RolledUp(cut, more=cut < settled)
