"""Process: post what payments, refunds and disputes have moved and the ledger does not say yet.

For facts from before there was a ledger, or written by a release that did not know of it. A batch locks its payments, reads how
far their entries have come, and posts the difference in the same transaction: nothing is posted twice, however often it runs and
whatever is written beside it. If the process dies, the batches that were committed are done.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from billing.ledger.checks import posted_of
from billing.ledger.entry import Entry
from billing.ledger.money_facts import (
    DISPUTE_KEY,
    PAYMENT_KEY,
    REFUND_KEY,
    capture_entries,
    dispute_entries,
    refund_entries,
)
from billing.ledger.post import post
from billing.payments.find import disputes_of_each, refunds_of_each
from billing.runtime import Runtime
from models.payment import Payment

BATCH = 200
# Apart from the entry that the same version may have posted for the last of several moves.
_KEY_END = "-backfill"
_POSITIONS = text(
    f"SELECT object, {posted_of('object')} AS amount FROM unnest(CAST(:objects AS text[])) AS object"  # noqa: S608
)


class Backfilled(NamedTuple):
    """How many payments a batch looked at, and how many entries it posted."""

    payments: int
    entries: int


def backfill(runtime: Runtime, *, now: datetime) -> Iterator[Backfilled]:
    """Look at all payments, batch by batch in the order of their ids, and post what is missing."""
    after: UUID | None = None
    while True:
        with runtime.transaction() as session:
            payments = _lock_batch(session, after=after)
            posted = post(session, _missing(session, payments), now=now)
        if payments:
            yield Backfilled(len(payments), posted)
        if len(payments) < BATCH:
            return
        after = payments[-1].id


def _lock_batch(session: Session, *, after: UUID | None) -> Sequence[Payment]:
    query = select(Payment).order_by(Payment.id).limit(BATCH).with_for_update()
    return session.scalars(query if after is None else query.where(Payment.id > after)).all()


def _missing(session: Session, payments: Sequence[Payment]) -> list[Entry]:
    """Return the entries of the differences; when a fact happened is taken from its row, as near as that knows it."""
    ids = [payment.id for payment in payments]
    refunds, disputes = refunds_of_each(session, payment_ids=ids), disputes_of_each(session, payment_ids=ids)
    names = [
        *(f"{PAYMENT_KEY}-{payment_id}" for payment_id in ids),
        *(f"{REFUND_KEY}-{refund.id}" for each in refunds.values() for refund in each),
        *(f"{DISPUTE_KEY}-{dispute.id}" for each in disputes.values() for dispute in each),
    ]
    moved = {row.object: row.amount for row in session.execute(_POSITIONS, {"objects": names})}
    entries: list[Entry] = []
    for payment in payments:
        captured = moved[f"{PAYMENT_KEY}-{payment.id}"]
        entries += capture_entries(payment, before=captured, at=payment.created_at, key_end=_KEY_END)
        for refund in refunds[payment.id]:
            paid = -moved[f"{REFUND_KEY}-{refund.id}"]
            entries += refund_entries(payment, refund, before=paid, at=refund.updated_at, key_end=_KEY_END)
        for dispute in disputes[payment.id]:
            held = -moved[f"{DISPUTE_KEY}-{dispute.id}"]
            entries += dispute_entries(payment, dispute, before=held, at=dispute.opened_at, key_end=_KEY_END)
    return entries
