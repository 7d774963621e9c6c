"""Process: take the refund of a credit note to the gateway. What its caller waits for is the credit note.

A refund that the gateway refuses leaves the note as it is written; that its money becomes the customer's balance instead follows
from the event of the refund (follow_refund.py), under the locks that belong to it.
"""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from billing.actor import Actor
from billing.invoicing.credit_note_find import represented
from billing.operation_outcome import OperationOutcome
from billing.payments.perform_refund import RefundSettlement, perform_refund_operation, refund_id_of
from billing.runtime import Runtime
from models.credit_note import CreditNote
from models.operation import Operation


class CreditNoteRefunded:
    """What the gateway said of the refund; the outcome is the credit note."""

    def __init__(self, refund: RefundSettlement, operation: Operation) -> None:
        self._refund = refund
        self._refund_id = refund_id_of(operation)

    def refresh(self, runtime: Runtime) -> None:
        """Ask the gateway again, because another observation came in between."""
        self._refund.refresh(runtime)

    def apply(self, session: Session, *, actor: Actor, now: datetime) -> OperationOutcome:
        """Bring the refund to its new state, and show the note with it."""
        outcome = self._refund.apply(session, actor=actor, now=now)
        if outcome.error is not None:
            return outcome
        note = session.scalars(select(CreditNote).where(CreditNote.refund_id == self._refund_id)).one()
        (body,) = represented(session, [note])
        return OperationOutcome.succeeded(201, body)


def perform_credit_refund(runtime: Runtime, *, operation: Operation, now: datetime) -> CreditNoteRefunded:
    """Make the refund's call and return what it brought. Raises Unavailable while the outcome is unknown."""
    return CreditNoteRefunded(perform_refund_operation(runtime, operation=operation, now=now), operation)
