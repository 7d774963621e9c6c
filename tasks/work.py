"""The tasks that move work: operations, incoming webhooks, the outbox, the audit chain, reconciliation."""

import threading
import time
from functools import partial

from sqlalchemy.orm import Session

from billing import leases
from billing.audit_chain import SEAL_BATCH, seal_pending, write_down
from billing.clock import utc_now
from billing.fail_points import fail_point
from billing.hints import Hint
from billing.operation_runner import run_due_operations
from billing.outbox_relay import relay_batch
from billing.reconciliation.run import advance_run
from billing.runtime import Runtime
from billing.settings import encryption_key_bytes
from billing.webhooks.process import process_batch
from models.inbox_event import InboxEvent
from models.operation import Operation
from models.outbox import OutboxDelivery
from models.reconciliation import ReconciliationRun
from tasks.base import billing_task
from tasks.drain import drain, wake_for_the_next
from tasks.runtime import hint_sender

_SEAL_ROUNDS_MAX = 20
# Shorter than the pause after a failure. What is due now and not taken is in the hands of somebody who leads.
_SOON_SECONDS, _PAUSE_SECONDS_MIN = 0.4, 0.05
_WAIT_SECONDS_MAX = 5.0
_waits_for_what_is_due_soon = threading.Lock()


@billing_task("operations.run")
def run_operations(runtime: Runtime, **_: object) -> str:
    """Take accepted operations to the gateway until none is due."""
    if runtime.desk.ring():
        return "rang: another thread is at it"
    performed = run_due_operations(runtime, now=utc_now, looking=partial(hint_sender().look, Hint.OPERATIONS))
    performed += _run_what_is_due_soon(runtime)
    wake_for_the_next(runtime, hint=Hint.OPERATIONS, seconds_until_due=_seconds_until_due)
    return f"{performed} performed" if performed else "nothing was due"


def _run_what_is_due_soon(runtime: Runtime) -> int:
    """Perform what is due within the moment, such as a clock that waits for others' work, and again; return how many.

    A wake-up by a message comes after a whole second at the earliest. One thread of a process waits; the others do the work.
    """
    if not _waits_for_what_is_due_soon.acquire(blocking=False):
        return 0
    performed, deadline = 0, time.monotonic() + _WAIT_SECONDS_MAX
    try:
        while time.monotonic() < deadline:
            with runtime.statements() as connection, Session(connection) as session:
                seconds = _seconds_until_due(session)
            if seconds is None or seconds > _SOON_SECONDS:
                break
            time.sleep(max(seconds, _PAUSE_SECONDS_MIN))
            performed += run_due_operations(runtime, now=utc_now, looking=partial(hint_sender().look, Hint.OPERATIONS))
    finally:
        _waits_for_what_is_due_soon.release()
    return performed


def _seconds_until_due(session: Session) -> float | None:
    return leases.seconds_until_due(session, Operation)


@billing_task("webhooks.process")
def process_webhooks(runtime: Runtime, **_: object) -> str:
    """Handle stored webhook events until none is due."""
    return drain(
        runtime,
        hint=Hint.INBOX,
        table=InboxEvent,
        step=lambda: process_batch(runtime, now=utc_now),
    )


@billing_task("outbox.relay")
def relay_outbox(runtime: Runtime, **_: object) -> str:
    """Tell consumers of events until no delivery is due."""
    return drain(
        runtime,
        hint=Hint.OUTBOX,
        table=OutboxDelivery,
        step=lambda: relay_batch(runtime, now=utc_now),
    )


@billing_task("reconciliation.run")
def run_reconciliation(runtime: Runtime, **_: object) -> str:
    """Compare our rows with the gateway's objects, slice by slice, until the run has ended or its time is up."""
    return drain(
        runtime,
        hint=Hint.RECONCILIATION,
        table=ReconciliationRun,
        step=lambda: advance_run(runtime, now=utc_now),
    )


@billing_task("audit.seal")
def seal_audit(runtime: Runtime, **_: object) -> str:
    """Seal committed audit entries into the hash chain."""
    hint_sender().clear(Hint.AUDIT)
    key = encryption_key_bytes(runtime.settings.ENCRYPTION_KEY[0])
    sealed = 0
    session: Session
    for _round in range(_SEAL_ROUNDS_MAX):
        with runtime.transaction() as session:
            fail_point("audit.before_seal")
            batch = seal_pending(session, key=key)
            fail_point("audit.before_commit")
        write_down(batch)
        sealed += batch.entries
        if batch.entries < SEAL_BATCH:
            break
    else:
        hint_sender()(Hint.AUDIT)
    return f"{sealed} sealed"
