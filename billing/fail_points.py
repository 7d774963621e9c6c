"""Places where the death of the process matters, so that a test can bring it about just there. Elsewhere they do nothing.

With BILLING_FAIL_POINTS naming a directory, a file `DIRECTORY/<name>` arms a point: whoever comes by first takes the file away,
adds a line to `DIRECTORY/fired`, and does what the file says: `kill` (SIGKILL to itself), `sleep SECONDS`, or `raise`. The
setting is refused with a live key. Nothing of a request reaches this module.
"""

import os
import signal
import time
from pathlib import Path

SETTING = "BILLING_FAIL_POINTS"
FIRED = "fired"

# Every point, and after which line of the story it stands.
FAIL_POINTS = {
    "request.before_commit": "the use case has run, and nothing of it is committed",
    "request.after_commit": "the effect and the kept answer are committed, and nobody was answered",
    "idempotency.key_locked": "the key is ours, and nothing was done yet",
    "idempotency.answer_kept": "the answer stands beside its effect in the open transaction",
    "operation.claimed": "the lease is committed, and nothing else",
    "operation.before_settlement": "the gateway answered some calls, and nothing of it is written down",
    "operation.before_commit": "payments, attempts and outcomes are changed in the open transaction",
    "operation.before_invoices": "payments are committed, and the invoices that they pay have not followed",
    "operation.invoices_before_commit": "invoices and outcomes of their operations are changed in the open transaction",
    "operation.after_commit": "all is committed, and nobody was told",
    "operation.alone_before_settlement": "the call of one that goes alone was answered, and nothing of it is written down",
    "operation.alone_before_commit": "its effect and outcome are in the open transaction",
    "operation.alone_after_commit": "its outcome is committed, and nobody was told",
    "operation.before_postponement": "the gateway did not answer, and the lease still stands",
    "customer.before_call": "the gateway does not have the customer yet",
    "customer.after_answer": "the gateway has the customer, and we do not know its id",
    "payment.attempt_prepared": "the attempts of some payments are in the open transaction",
    "payment.attempt_prepared_alone": "the attempt of a payment that goes alone is in the open transaction",
    "payment.attempt_committed": "the attempt is committed, and its call was not made",
    "payment.answered": "the call was made and answered, and only this process knows",
    "payment.applied": "the payment is changed in the open transaction",
    "refund.before_call": "the refund is reserved, and its call was not made",
    "refund.answered": "the refund was made, and only this process knows",
    "refund.applied": "the refunds are changed in the open transaction",
    "webhook.verified": "the event is genuine, and not stored",
    "webhook.before_commit": "the statement that stores the event, and commits by itself, is about to be sent",
    "webhook.after_commit": "the event is stored, and the gateway was not answered",
    "inbox.claimed": "the lease on the events is committed",
    "inbox.before_commit": "the effects and the ends of a batch of events are in the open transaction",
    "inbox.after_commit": "the effects of a batch are committed",
    "inbox.observed": "the gateway was asked how the object of one event stands",
    "inbox.asked_before_commit": "its effect and the event's end are in the open transaction",
    "inbox.asked_after_commit": "its effect is committed",
    "subscriptions.before_commit": "what was due of some subscriptions is done in the open transaction",
    "subscriptions.after_commit": "what was due of some subscriptions is committed",
    "subscriptions.allowance_granted": "a month's credits are given, and Postgres does not know it",
    "import.stripe_told": "a subscription at Stripe ends with its period, and ours is not there yet",
    "outbox.claimed": "the lease on the deliveries is committed",
    "outbox.told": "the consumer was told, and the delivery is not closed",
    "outbox.told_together": "the consumer was told of several, and no delivery is closed",
    "outbox.together_before_commit": "several deliveries are closed in the open transaction",
    "outbox.before_commit": "the delivery is closed in the open transaction",
    "outbox.after_commit": "the delivery is closed",
    "hint.not_sent": "rows of work are committed, and nobody was told",
    "hint.flag_set": "the flag says that a hint is on its way, and none is",
    "hint.published": "the hint is on its way",
    "sweep.before_hints": "what was left behind is found, and nobody was told",
    "credits.before_drain_commit": "entries of the journal are in the open transaction",
    "credits.after_drain_commit": "the entries are committed, and still in the journal",
    "credits.rebuild_closed": "the memory is closed, and not drained",
    "credits.rebuild_wiped": "the memory is empty",
    "credits.rebuild_shard_restored": "one shard's accounts more are back, and none of their answers",
    "credits.rebuild_answers_restored": "all accounts and answers are back, and no shard is open",
    "credits.transfer_held": "the sender's credits are held, and the receiver has none",
    "credits.transfer_received": "the receiver has the credits, and the sender's are still held",
    "credits.purchase_step_committed": "the next step of a purchase's credits is committed, and not made",
    "credits.purchase_step_made": "the credits are given or taken back, and the step is still pending",
    "credits.purchase_before_commit": "the step is noted as done in the open transaction",
    "subscriptions.roll_over_committed": "what a month carries over is committed, and not given",
    "subscriptions.roll_over_granted": "what a month carries over is given, and the month is not noted as granted",
    "subscriptions.credit_limit_committed": "the change of an account's limit is committed, and not made",
    "subscriptions.credit_limit_made": "an account's limit is changed, and the change is still pending",
    "clock.moment_committed": "a test clock stands at its next moment, and nothing of what is due then is done",
    "clock.moment_done": "what was due at a moment is done, and the clock has not moved on",
    "usage.charges_claimed": "the lease on the charges is committed",
    "usage.deducted": "the credits are taken, and the charges are still pending",
    "usage.charges_before_commit": "the charges are closed in the open transaction",
    "audit.before_seal": "entries are committed, and not sealed",
    "audit.before_commit": "seals are in the open transaction",
}

_directory = os.environ.get(SETTING)


class FailPointRaised(Exception):
    """A point was armed with `raise`: what any bug would do here."""


def fail_point(name: str) -> None:
    """Do what the point was armed with, if it was."""
    if _directory:
        _meet(Path(_directory), name)


def _meet(directory: Path, name: str) -> None:
    """Take the point's file away (only one process can) and act."""
    taken = directory / f"{name}.{os.getpid()}"
    try:
        (directory / name).rename(taken)
    except FileNotFoundError:
        return
    action, _, seconds = taken.read_text(encoding="ascii").strip().partition(" ")
    with (directory / FIRED).open("a", encoding="ascii") as fired:
        fired.write(f"{time.monotonic()} {os.getpid()} {name} {action}\n")
    if action == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    elif action == "sleep":
        time.sleep(float(seconds))
    elif action == "raise":
        raise FailPointRaised(name)
    else:
        raise ValueError(f"{name} is armed with {action!r}; it takes kill, sleep SECONDS or raise")
