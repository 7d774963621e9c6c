"""What is forgotten: old events and deliveries, so that a long or a fast run does not fill the disk."""

from sandbox.state.store import Transaction

KEPT_EVENTS = 100_000
KEPT_DELIVERIES = 200_000

# How much is forgotten at once, so that requests need not wait.
BATCH_LIMIT = 4000

_OLD_EVENTS = """
    SELECT seq FROM objects
    WHERE kind = 'event'
      AND seq <= (SELECT seq FROM objects WHERE kind = 'event' ORDER BY seq DESC LIMIT 1 OFFSET :kept)
      AND id NOT IN (SELECT event FROM deliveries WHERE state IN ('pending', 'held'))
    ORDER BY seq LIMIT :batch
"""
_OLD_DELIVERIES = """
    SELECT seq FROM deliveries
    WHERE seq <= (SELECT max(seq) FROM deliveries) - :kept AND state NOT IN ('pending', 'held')
    ORDER BY seq LIMIT :batch
"""
_FACETS_OF_FORGOTTEN = """
    DELETE FROM facets
    WHERE kind = 'event' AND seq <= :last
      AND seq NOT IN (SELECT seq FROM objects WHERE kind = 'event' AND seq <= :last)
"""


def forget_old(*, transaction: Transaction, kept_events: int, kept_deliveries: int, batch: int) -> None:
    """Forget the oldest events and deliveries beyond these numbers, none of them still on its way."""
    old = transaction.sql.execute(_OLD_EVENTS, {"kept": kept_events, "batch": batch}).fetchall()
    transaction.sql.executemany("DELETE FROM objects WHERE seq = ?", old)
    if old:
        transaction.sql.execute(_FACETS_OF_FORGOTTEN, {"last": old[-1][0]})
    done = transaction.sql.execute(_OLD_DELIVERIES, {"kept": kept_deliveries, "batch": batch}).fetchall()
    transaction.sql.executemany("DELETE FROM deliveries WHERE seq = ?", done)
