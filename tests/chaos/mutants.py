"""Mutants: the service with one guard taken out. Each must be caught by the story that needs the guard.

A mutant lives in a copy of the sources (tests/chaos/tree.py). `old` stands exactly once in its file, so that a mutant that no
longer fits is noticed.
"""

from dataclasses import dataclass

from tests.chaos.checker import Violation
from tests.chaos.stack import ChaosStack
from tests.chaos.stories import tell
from tests.chaos.tree import Edit


@dataclass(frozen=True)
class Mutant:
    """A guard taken out, why it is there, and the story that is lost without it."""

    name: str
    why: str
    story: str
    edits: tuple[Edit, ...]


MUTANTS = (
    Mutant(
        "charge under a key of the moment",
        "a call that is repeated says the same key, so that the gateway charges once",
        "gateway_never_answers_a_charge",
        (Edit("models/payment.py", 'return f"payment-attempt-{self.id}"', 'return f"payment-attempt-{new_id()}"'),),
    ),
    Mutant(
        "refund under a key of the moment",
        "as with charges: the refund's own id is the key",
        "gateway_never_answers_a_refund",
        (Edit("models/refund.py", 'return f"refund-{self.id}"', 'return f"refund-{new_id()}"'),),
    ),
    Mutant(
        "new attempt at each try",
        "an attempt is committed before its call, and whoever comes later makes that call and no other",
        "gateway_never_answers_a_charge",
        (
            Edit(
                "billing/payments/perform.py",
                "    attempt = session.scalar(select(PaymentAttempt).where(PaymentAttempt.operation_id == operation.id))\n",
                "    attempt = session.scalar(select(PaymentAttempt).where(PaymentAttempt.operation_id == operation.id))\n"
                "    if attempt is not None:\n"
                "        session.delete(attempt)\n"
                "        session.flush()\n"
                "        attempt = None\n",
            ),
        ),
    ),
    Mutant(
        "time-out taken for a refusal",
        "an unknown outcome is asked for until it is known",
        "gateway_never_answers_a_charge",
        (
            Edit(
                "billing/operation_runner.py",
                "        _postpone(runtime, operation, error, now=now)\n",
                "        _finish(runtime, operation, OperationOutcome.failed(error), now=now)\n",
            ),
        ),
    ),
    Mutant(
        "gateway's customer made under a key of the moment",
        "the customer's own id is the key, so that there is one at the gateway",
        "gateway_never_answers_a_new_customer",
        (
            Edit(
                "billing/customers/gateway_customer.py",
                'idempotency_key=f"customer-{public}-{generation}"',
                'idempotency_key=f"customer-{public}-{now.timestamp()}"',
            ),
        ),
    ),
    Mutant(
        "inbox without its unique key",
        "an event that is delivered four times is one row",
        "every_webhook_comes_four_times",
        (
            Edit(
                "alembic/versions/0001_first_tables.py",
                '        sa.UniqueConstraint("source", "external_id", name=op.f("uq_inbox_events_source_external_id")),\n',
                "",
            ),
            Edit(
                "billing/webhooks/receive.py",
                "    ON CONFLICT (source, external_id) DO NOTHING\n",
                "",
            ),
        ),
    ),
    Mutant(
        "sweeper that tells nobody",
        "a message is a hint that may be lost; the sweeper finds the row",
        "broker_forgets_what_was_accepted",
        (Edit("tasks/maintenance.py", "    for hint in found:\n", "    for hint in found[:0]:\n"),),
    ),
    Mutant(
        "event closed before its effect",
        "the effect and the event's end commit together",
        "worker_dies_with_an_event_in_its_hands",
        (
            Edit(
                "billing/webhooks/process.py",
                "            held = leases.hold_all(session, events)\n",
                "            _close(session, {event.id: Decision('early') for event in events}, now=now())\n"
                "        with runtime.transaction() as session:\n"
                "            held = list(events)\n",
            ),
        ),
    ),
    Mutant(
        "answer applied without its version",
        "an answer counts only while the row still has the version that was read before the gateway was asked",
        "answer_is_older_than_the_event",
        (Edit("billing/observations.py", "    if current != observed:\n", "    if current < observed:\n"),),
    ),
    Mutant(
        "status may move backwards",
        "the life cycle has a direction, even where everything else fails",
        "answer_is_older_than_the_event",
        (
            Edit("billing/observations.py", "    if current != observed:\n", "    if current < observed:\n"),
            Edit("billing/payments/lifecycle.py", "new not in EDGES[current]:", "not new:"),
        ),
    ),
    Mutant(
        "repeated answer taken for a new one",
        "under a repeated key the gateway answers as it did the first time: what counts is fetched after it",
        "answer_is_repeated_after_the_event",
        (Edit("models/operation.py", "return self.failures + self.postponements > 0", "return False"),),
    ),
    Mutant(
        "lease without its fence",
        "who slept past its lease may not commit any more",
        "worker_sleeps_past_its_lease",
        (
            Edit(
                "billing/leases.py",
                "tuple_(table.id, table.lease_token).in_([(row.id, row.lease_token) for row in claimed])",
                "table.id.in_([row.id for row in claimed])",
            ),
        ),
    ),
    Mutant(
        "dead holders keep their rows",
        "a row whose lease has run out is due, whoever held it",
        "worker_dies_with_the_lease",
        (
            Edit(
                "billing/leases.py",
                "        .where(table.next_attempt_at <= func.now())\n        .order_by",
                "        .where(table.next_attempt_at <= func.now(), table.lease_token.is_(None))\n        .order_by",
            ),
        ),
    ),
    Mutant(
        "answer kept after the commit",
        "the answer of an Idempotency-Key commits with what it answers for",
        "api_dies_between_commit_and_answer",
        (
            Edit(
                "app/edge.py",
                "    if key is not None:\n        idempotency.keep(",
                "    if key == '':\n        idempotency.keep(",
            ),
            Edit(
                "app/edge.py",
                '    fail_point("request.after_commit")\n',
                '    fail_point("request.after_commit")\n'
                "    if key is not None and not answer.replayed:\n"
                "        with held.runtime.transaction() as session:\n"
                "            idempotency.keep(\n"
                "                session, caller=caller.name, key=key, digest=_digest(), status=answer.status,\n"
                "                body=answer.body,\n"
                "                operation_id=answer.operation.id if answer.operation is not None else None, now=g.now,\n"
                "            )\n",
            ),
        ),
    ),
    Mutant(
        "webhook acknowledged before it is stored",
        "200 is said when the event is committed, and not before",
        "event_cannot_be_stored",
        (
            Edit(
                "app/routes/webhooks.py",
                "    new = held.intake.submit(Received(event, g.now))\n",
                "    new = True\n"
                "    try:\n"
                "        new = held.intake.submit(Received(event, g.now))\n"
                "    except Exception:\n"
                "        pass\n",
            ),
        ),
    ),
    Mutant(
        "refund without the payment's lock",
        "what is left to refund is read and reserved under the payment's row lock",
        "two_refunds_race",
        (
            Edit(
                "app/routes/payments.py",
                "return find_payment(context.session, public=payment_id, own=context.own, lock=True)",
                "return find_payment(context.session, public=payment_id, own=context.own, lock=False)",
            ),
        ),
    ),
    Mutant(
        "delivery closed before the consumer was told",
        "at least once, and harmless to repeat",
        "worker_dies_before_the_consumer_is_told",
        (
            Edit(
                "billing/outbox_relay.py",
                "        CONSUMERS[delivery.consumer](runtime, event, now())\n"
                '        fail_point("outbox.told")\n'
                "        return _done(runtime, delivery, now=now)\n",
                "        end = _done(runtime, delivery, now=now)\n"
                '        fail_point("outbox.told")\n'
                "        CONSUMERS[delivery.consumer](runtime, event, now())\n"
                "        return end\n",
            ),
        ),
    ),
    Mutant(
        "deduction without its key",
        "an answer is kept under its key in the script that did it, and given again",
        "credits_are_used_and_asked_for_again",
        (
            Edit(
                "billing/credits/lua/deduct.lua",
                "  local kept = kept_answer(kept_at, request)\n",
                "  local kept = nil\n",
            ),
        ),
    ),
    Mutant(
        "journal trimmed before it is drained",
        "an entry leaves the server when Postgres has it, and not before",
        "drain_dies_before_its_commit",
        (
            Edit(
                "billing/credits/drain.py",
                "    if not batches:\n        return 0\n",
                "    if not batches:\n        return 0\n    _trim(runtime, batches)\n",
            ),
        ),
    ),
    Mutant(
        "transfer taken in twice",
        "the receiver knows a transfer again",
        "who_sends_credits_dies_when_they_have_arrived",
        (
            Edit(
                "billing/credits/lua/receive_transfer.lua",
                "local kept = kept_answer(KEYS[4], transfer)\n",
                "local kept = nil\n",
            ),
        ),
    ),
    Mutant(
        "credits before the money",
        "credits are given for what was captured",
        "card_is_declined_for_credits",
        (
            Edit(
                "billing/credits/purchase_steps.py",
                "    if not paid_for.captured:\n",
                "    if paid_for.captured < 0:\n",
            ),
            Edit(
                "billing/credits/perform_purchase.py",
                "        if outcome.error is not None:\n            return outcome\n",
                "        if outcome.error is not None:\n            return None\n",
            ),
        ),
    ),
    Mutant(
        "nobody ever dies too often",
        "a row that kills whoever takes it is left for a person after three deaths",
        "row_kills_whoever_takes_it",
        (
            Edit(
                "billing/leases.py",
                "    return claimed.failures >= FAILURES_MAX\n",
                "    return claimed.failures < 0\n",
            ),
        ),
    ),
)


def catch(mutant: Mutant) -> list[Violation]:
    """Let the mutant live through its story, and return what was violated by it."""
    stack = ChaosStack(edits=mutant.edits)
    try:
        stack.start()
        return tell(stack, mutant.story, earlier=[])
    finally:
        stack.close()
