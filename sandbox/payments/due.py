"""What falls due by itself: each kind of job and the behaviour that it runs."""

from collections.abc import Callable

from sandbox.json_types import Json
from sandbox.payments.charging import book_later
from sandbox.payments.debits import fail_debit, settle_debit
from sandbox.payments.disputes import open_dispute
from sandbox.payments.methods import card_of
from sandbox.payments.refunds import complete_refund, fail_refund
from sandbox.state.jobs import Job, JobKind, take_due
from sandbox.work import Work

_BATCH_LIMIT = 200


def run_due_jobs(*, work: Work) -> int:
    """Run what is due, up to a batch, in the work's transaction. Return how many were run."""
    jobs = take_due(transaction=work.transaction, now=work.now, limit=_BATCH_LIMIT)
    for job in jobs:
        _run(work, job=job)
    return len(jobs)


def _run(work: Work, *, job: Job) -> None:
    kind, behaviour = _BEHAVIOURS[job.kind]
    subject = work.find(kind, job.object_id)
    if subject is not None:
        behaviour(work, subject)


def _open_dispute(work: Work, charge: Json) -> None:
    method = work.get("payment_method", charge["payment_method"], param="payment_method")
    reason = card_of(work=work, method=method).dispute
    if reason is not None and not charge["disputed"]:
        open_dispute(work=work, charge=charge, reason=reason)


_BEHAVIOURS: dict[JobKind, tuple[str, Callable[[Work, Json], None]]] = {
    JobKind.BOOK_CHARGE: ("charge", lambda work, charge: book_later(work=work, charge=charge)),
    JobKind.SETTLE_DEBIT: ("payment_intent", lambda work, intent: settle_debit(work=work, intent=intent)),
    JobKind.FAIL_DEBIT: ("payment_intent", lambda work, intent: fail_debit(work=work, intent=intent)),
    JobKind.FAIL_REFUND: ("refund", lambda work, refund: fail_refund(work=work, refund=refund)),
    JobKind.COMPLETE_REFUND: ("refund", lambda work, refund: complete_refund(work=work, refund=refund)),
    JobKind.OPEN_DISPUTE: ("charge", _open_dispute),
}
