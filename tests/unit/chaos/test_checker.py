"""Each rule of the checker is seen to bite: sound evidence passes, and one wrong row in it does not."""

import copy
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest

from billing.credits.prefixes import TRANSACTION_PREFIX
from billing.operations import PREFIX as OPERATION_PREFIX
from billing.outgoing.representation import EVENT_PREFIX
from billing.payments.representation import PREFIX, REFUND_PREFIX
from models.ids import public_id
from tests.chaos.checker import RULES, check
from tests.chaos.client import Answer, Wish
from tests.chaos.evidence import Evidence, Replay, Row
from tests.chaos.product import Arrival

PAYMENT, REFUND, OPERATION, ATTEMPT, EVENT, CUSTOMER = (UUID(int=number) for number in range(1, 7))
PAID = UUID(int=9)
PAY = public_id(PREFIX, PAYMENT)
CTX = public_id(TRANSACTION_PREFIX, PAYMENT)
RE = public_id(REFUND_PREFIX, REFUND)
OP = public_id(OPERATION_PREFIX, OPERATION)


MONTHS = [datetime(2027, month, 1, tzinfo=UTC) for month in range(1, 5)]
CREDITS: Row = {"amount": 5, "operation": "ai", "reference": None, "actor": "worker"}


def sound() -> Evidence:
    """One payment of 1000 with 300 given back, as both sides, the log and the client know it."""
    wish = Wish(key="k1", path="/payments/intent", body={}, fulfilled=True)
    wish.answers.append(Answer(202, {"id": PAY, "operation": {"id": OP}}))
    refund = Wish(key="k2", path="/payments/refund", body={}, fulfilled=True)
    refund.answers.append(Answer(202, {"id": RE}))
    use = Wish(key="k3", path="/credits/deduct", body={}, fulfilled=True, answered_at=100.0)
    use.answers.append(Answer(200, {"id": CTX, "balance": 95}))
    return Evidence(
        ours={**money_here(), **work_here()},
        theirs=gateway(),
        wishes=[wish, refund, use],
        replays=[Replay(wish, Answer(201, {"id": PAY}))],
        arrivals=[Arrival(public_id(EVENT_PREFIX, event), is_signed=True) for event in (EVENT, PAID)],
        chain=[],
        invariants={"x": 0},
    )


def money_here() -> dict[str, list[Row]]:
    return {
        "credits": [
            {**CREDITS, "id": PAYMENT, "type": "deduct", "balance": 95, "actor": "key_1"},
            {**CREDITS, "id": PAID, "type": "grant", "balance": 90, "operation": "purchase", "reference": "cpur_1"},
        ],
        "subscriptions": [
            {"id": PAYMENT, "status": "active", "current_period_start": MONTHS[1]},
            {"id": PAID, "status": "trialing", "current_period_start": MONTHS[0]},
        ],
        "periods": [
            {"subscription_id": PAYMENT, "number": f"TEST-{n}", "period_start": MONTHS[n], "period_end": MONTHS[n + 1]}
            for n in range(2)
        ],
        "purchases": [
            {"id": PAYMENT, "granted": 500, "amount_captured_minor": 500, "pending_id": None},
        ],
        "payments": [
            {
                "id": PAYMENT,
                "status": "succeeded",
                "gateway_id": "pi_1",
                "amount_minor": 1000,
                "amount_captured_minor": 1000,
                "amount_refunded_minor": 300,
            }
        ],
        "refunds": [
            {
                "id": REFUND,
                "payment_id": PAYMENT,
                "status": "succeeded",
                "gateway_id": "re_1",
                "amount_minor": 300,
                "failure_reason": None,
            }
        ],
        "attempts": [{"id": ATTEMPT, "payment_id": PAYMENT, "status": "answered"}],
        "audit": [
            entry("payment.created", None, {"status": "pending", "amount_captured": 0, "amount_refunded": 0}),
            entry(
                "payment.succeeded",
                {"status": "pending", "amount_captured": 0},
                {"status": "succeeded", "amount_captured": 1000},
            ),
            entry("payment.updated", {"amount_refunded": 0}, {"amount_refunded": 300}),
        ],
    }


def work_here() -> dict[str, list[Row]]:
    return {
        "operations": [
            {
                "id": OPERATION,
                "kind": "payment.create",
                "status": "succeeded",
                "finished_at": 1,
                "outcome_status": 201,
                "outcome_body": {"id": PAY},
                "last_error": None,
            }
        ],
        "inbox": [{"external_id": "evt_1", "type": "charge.succeeded", "status": "processed", "last_error": None}],
        "outbox": [
            {"id": EVENT, "type": "customer.created", "object_id": "cus_a"},
            {"id": PAID, "type": "payment.succeeded", "object_id": PAY},
        ],
        "outgoing": [
            {"event_id": event, "lane": CUSTOMER, "position": place, "status": "delivered"}
            for place, event in enumerate((EVENT, PAID))
        ],
        "deliveries": [
            {
                "id": UUID(int=8),
                "event_id": EVENT,
                "consumer": "gateway_customer",
                "endpoint": "",
                "status": "delivered",
                "last_error": None,
            }
        ],
        "customers": [{"id": CUSTOMER, "gateway_id": "cus_1", "name": "A"}],
    }


def gateway() -> dict[str, list[Row]]:
    return {
        "intents": [
            {
                "id": "pi_1",
                "status": "succeeded",
                "amount": 1000,
                "amount_received": 1000,
                "metadata": {"payment_id": PAY},
            }
        ],
        "charges": [{"status": "succeeded", "payment_intent": "pi_1"}],
        "refunds": [
            {
                "id": "re_1",
                "status": "succeeded",
                "amount": 300,
                "payment_intent": "pi_1",
                "metadata": {"refund_id": RE},
            }
        ],
        "customers": [{"id": "cus_1", "name": "A", "metadata": {"customer_id": "cus_a"}}],
        "events": [{"id": "evt_1"}],
    }


def entry(action: str, before: dict[str, Any] | None, after: dict[str, Any]) -> dict[str, Any]:
    return {"action": action, "object_type": "payment", "object_id": PAY, "before": before, "after": after}


def twice(rows: list[Any]) -> None:
    rows.append(copy.deepcopy(rows[0]))


def lose_and_flush(evidence: Evidence, *, at: float) -> None:
    evidence.ours["credits"].pop(0)
    evidence.flushes.append(at)


Harm = Callable[[Evidence], object]
HARMS: dict[str, tuple[str, Harm]] = {
    "two charges": ("charged once", lambda e: twice(e.theirs["charges"])),
    "two intents": ("charged once", lambda e: e.theirs["intents"].append({**e.theirs["intents"][0], "id": "pi_2"})),
    "unknown there": ("books agree", lambda e: e.theirs["intents"].clear()),
    "unknown here": ("books agree", lambda e: e.ours["payments"].clear()),
    "a cent less": ("books agree", lambda e: e.ours["payments"][0].update(amount_captured_minor=999)),
    "a cent not given back": ("books agree", lambda e: e.theirs["refunds"][0].update(amount=299)),
    "another status": ("books agree", lambda e: e.theirs["intents"][0].update(status="canceled")),
    "two refunds": ("refunds agree", lambda e: twice(e.theirs["refunds"])),
    "a refund refused": ("refunds agree", lambda e: e.ours["refunds"][0].update(status="failed")),
    "a refund unknown there": ("refunds agree", lambda e: e.theirs["refunds"].clear()),
    "more given back than taken": ("refunds agree", lambda e: e.ours["refunds"][0].update(amount_minor=1001)),
    "no outcome": ("operations ended", lambda e: e.ours["operations"][0].update(finished_at=None)),
    "given up": (
        "operations ended",
        lambda e: e.ours["operations"][0].update(outcome_body={"code": "operation_gave_up"}),
    ),
    "ended as 503": ("operations ended", lambda e: e.ours["operations"][0].update(outcome_status=503)),
    "in flight": ("operations ended", lambda e: e.ours["attempts"][0].update(status="in_flight")),
    "stored twice": ("events handled", lambda e: twice(e.ours["inbox"])),
    "never came": ("events handled", lambda e: e.theirs["events"].append({"id": "evt_2"})),
    "made up": ("events handled", lambda e: e.theirs["events"].clear()),
    "dead": ("events handled", lambda e: e.ours["inbox"][0].update(status="dead")),
    "applied twice": ("effects once", lambda e: e.ours["audit"].append(e.ours["audit"][1])),
    "told twice": ("effects once", lambda e: e.ours["outbox"].append(e.ours["outbox"][1])),
    "changed without an entry": ("effects once", lambda e: e.ours["audit"].pop()),
    "backwards": (
        "status forwards",
        lambda e: e.ours["audit"].append(entry("payment.updated", {"status": "succeeded"}, {"status": "processing"})),
    ),
    "two deliveries": ("consumers told once", lambda e: twice(e.ours["deliveries"])),
    "no delivery": ("consumers told once", lambda e: e.ours["deliveries"].clear()),
    "undelivered": ("consumers told once", lambda e: e.ours["deliveries"][0].update(status="pending")),
    "not heard": ("consumers told once", lambda e: e.theirs["customers"][0].update(name="B")),
    "two customers": ("consumers told once", lambda e: twice(e.theirs["customers"])),
    "webhook to nobody": ("product told in order", lambda e: e.ours["outgoing"].pop()),
    "webhook on its way": ("product told in order", lambda e: e.ours["outgoing"][0].update(status="pending")),
    "webhook that never came": ("product told in order", lambda e: e.arrivals.pop()),
    "webhooks in another order": ("product told in order", lambda e: e.arrivals.reverse()),
    "webhook of a forger": ("product told in order", lambda e: e.arrivals.append(Arrival("evt_x", is_signed=False))),
    "a ghost": ("answers kept", lambda e: e.wishes[0].answers[0].body.update(id=public_id(PREFIX, UUID(int=99)))),
    "no answer": ("answers kept", lambda e: setattr(e.wishes[0], "fulfilled", False)),
    "two things under one key": (
        "answers kept",
        lambda e: e.wishes.append(Wish("k1", "/payments/refund", {}, [Answer(201, {"id": RE})], fulfilled=True)),
    ),
    "another outcome": ("same answer", lambda e: e.ours["operations"][0].update(outcome_status=402)),
    "the outcome changed": ("same answer", lambda e: e.wishes[0].answers.append(Answer(402, {}))),
    "the key forgotten": ("same answer", lambda e: e.replays.append(Replay(e.wishes[0], None))),
    "another answer": ("same answer", lambda e: e.replays.append(Replay(e.wishes[1], Answer(202, {"id": "re_x"})))),
    "credits of nobody": ("credits answered", lambda e: e.ours["credits"][1].update(actor="key_1")),
    "credits that are gone": ("credits answered", lambda e: e.ours["credits"].pop(0)),
    "credits gone long before a flush": (
        "credits answered",
        lambda e: lose_and_flush(e, at=130.0),
    ),
    "another balance": ("credits answered", lambda e: e.ours["credits"][0].update(balance=94)),
    "two keys, one use": (
        "credits answered",
        lambda e: e.wishes.append(Wish("k4", "/credits/deduct", {}, e.wishes[2].answers, fulfilled=True)),
    ),
    "paid and not credited": ("purchases credited once", lambda e: e.ours["purchases"][0].update(granted=0)),
    "credited and not paid": (
        "purchases credited once",
        lambda e: e.ours["purchases"][0].update(amount_captured_minor=0),
    ),
    "a step left": ("purchases credited once", lambda e: e.ours["purchases"][0].update(pending_id=PAID)),
    "credited twice": ("purchases credited once", lambda e: e.ours["credits"].append(e.ours["credits"][1])),
    "books that differ": ("credits add up", lambda e: e.books.append("1 account differs")),
    "a period twice": ("periods billed once", lambda e: e.ours["periods"].append(e.ours["periods"][1])),
    "a period left out": (
        "periods billed once",
        lambda e: e.ours["periods"][1].update(period_start=MONTHS[2], period_end=MONTHS[3]),
    ),
    "a period that nobody has billed": ("periods billed once", lambda e: e.ours["periods"].pop()),
    "a broken chain": ("chain unbroken", lambda e: e.chain.append("entry 3 was changed")),
    "a broken invariant": ("invariants hold", lambda e: e.invariants.update(x=1)),
}


def test_sound_evidence_passes() -> None:
    assert check(sound()) == []


@pytest.mark.parametrize("harm", HARMS)
def test_a_wrong_row_is_noticed(harm: str) -> None:
    rule, do = HARMS[harm]
    evidence = sound()
    do(evidence)

    assert rule in {violation.rule for violation in check(evidence)}


def test_what_was_answered_right_before_a_flush_may_be_lost() -> None:
    evidence = sound()
    lose_and_flush(evidence, at=100.2)

    assert check(evidence) == []


def test_every_rule_is_seen_to_bite() -> None:
    assert {rule for rule, _ in HARMS.values()} == set(RULES)
