"""Rules that must hold after whatever happened, over rows that were read before: pure, so that each can be seen to bite.

Nothing here asks the service: what it says of itself in `billing.invariants` is one line among the others.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from itertools import pairwise
from typing import Any, NamedTuple
from uuid import UUID

from billing.actor import WORKER
from billing.credits.deferred_revenue import OPERATIONS
from billing.credits.prefixes import TRANSACTION_PREFIX
from billing.operations import PREFIX as OPERATION_PREFIX
from billing.outbox import CONSUMERS
from billing.outgoing.representation import EVENT_PREFIX
from billing.payments.lifecycle import EDGES
from billing.payments.representation import PREFIX, REFUND_PREFIX
from models.credits import PurchaseStep
from models.ids import public_id
from models.payment import PaymentStatus
from tests.chaos.client import Wish
from tests.chaos.evidence import Evidence, Row

_NOT_AT_GATEWAY = frozenset({"pending", "failed"})
_GIVES_NOTHING_BACK = frozenset({"failed", "canceled"})
# What somebody asked for, among the types of transactions of credits.
_ASKED_FOR = frozenset({"grant", "deduct", "hold", "capture", "release", "transfer_hold"})
# An answer may be on its way while the server is emptied; and while workers or Postgres are away, nothing is drained.
_ANSWER_SECONDS = 2.0
_DRAIN_SECONDS = 20.0
# Fields of a payment whose every change is in the audit log, one after the other.
_FOLLOWED = ("status", "amount_captured", "amount_refunded")


class Violation(NamedTuple):
    """A rule that does not hold, and of what."""

    rule: str
    what: str


def check(evidence: Evidence) -> list[Violation]:
    """Return every violation, rule by rule."""
    return [Violation(name, what) for name, rule in RULES.items() for what in rule(evidence)]


def _charged_once(evidence: Evidence) -> Iterator[str]:
    """A payment is at the gateway at most once, and charged there at most once."""
    payment_of = {intent["id"]: intent["metadata"].get("payment_id") for intent in evidence.theirs["intents"]}
    yield from _more_than_once("intents of", payment_of.values())
    charged = (charge for charge in evidence.theirs["charges"] if charge["status"] == "succeeded")
    yield from _more_than_once("charges of", (payment_of.get(charge["payment_intent"]) for charge in charged))


def _books_agree(evidence: Evidence) -> Iterator[str]:
    """Each payment has the gateway's status and amounts, to the cent; neither side has one that the other has not."""
    theirs = {intent["metadata"].get("payment_id"): intent for intent in evidence.theirs["intents"]}
    refunded: Counter[str] = Counter()
    for refund in evidence.theirs["refunds"]:
        if refund["status"] not in _GIVES_NOTHING_BACK:
            refunded[refund["payment_intent"]] += refund["amount"]
    for payment in evidence.ours["payments"]:
        public = _payment_id(payment["id"])
        intent = theirs.pop(public, None)
        if intent is None:
            if payment["status"] not in _NOT_AT_GATEWAY or payment["gateway_id"] is not None:
                yield f"{public} is {payment['status']} here, and the gateway does not know it"
            continue
        ours = (payment["gateway_id"], payment["status"], payment["amount_minor"], payment["amount_captured_minor"])
        said = (intent["id"], intent["status"], intent["amount"], intent["amount_received"])
        if ours != said:
            yield f"{public}: here {ours}, at the gateway {said}"
        if payment["amount_refunded_minor"] != refunded[intent["id"]]:
            yield f"{public}: refunded {payment['amount_refunded_minor']} here, {refunded[intent['id']]} there"
    yield from (f"{intent['id']} ({public}) is at the gateway and not here" for public, intent in theirs.items())


def _refunds_agree(evidence: Evidence) -> Iterator[str]:
    """Each refund is there once, with our amount and status, and no more is given back than was taken."""
    theirs = {refund["metadata"].get("refund_id"): refund for refund in evidence.theirs["refunds"]}
    yield from _more_than_once(
        "refunds of", (refund["metadata"].get("refund_id") for refund in evidence.theirs["refunds"])
    )
    total: Counter[UUID] = Counter()
    for refund in evidence.ours["refunds"]:
        public = public_id(REFUND_PREFIX, refund["id"])
        twin = theirs.pop(public, None)
        total[refund["payment_id"]] += 0 if refund["status"] in _GIVES_NOTHING_BACK else refund["amount_minor"]
        if twin is None and (refund["status"] not in _GIVES_NOTHING_BACK or refund["gateway_id"] is not None):
            yield f"{public} is {refund['status']} here, and the gateway does not know it"
        if refund["status"] in _GIVES_NOTHING_BACK:
            # No card of the load refuses refunds: whoever was told "accepted" had the money reserved.
            yield f"{public} was accepted and came to {refund['status']} ({refund['failure_reason']})"
        elif twin is not None and (refund["gateway_id"], refund["status"], refund["amount_minor"]) != (
            twin["id"],
            twin["status"],
            twin["amount"],
        ):
            yield f"{public} differs: {refund['status']} {refund['amount_minor']}, there {twin['status']} {twin['amount']}"
    yield from (f"{twin['id']} ({public}) is at the gateway and not here" for public, twin in theirs.items())
    for payment in evidence.ours["payments"]:
        if total[payment["id"]] > payment["amount_captured_minor"]:
            yield f"{_payment_id(payment['id'])}: {total[payment['id']]} given back of {payment['amount_captured_minor']}"


def _operations_ended(evidence: Evidence) -> Iterator[str]:
    """Every accepted operation has one outcome, no call is left in flight, and nothing was given up."""
    finished = set()
    for operation in evidence.ours["operations"]:
        finished.add(operation["id"])
        if operation["finished_at"] is None or operation["outcome_body"] is None:
            yield f"operation {operation['id']} ({operation['kind']}) is {operation['status']}: {operation['last_error']}"
        elif operation["outcome_body"].get("code") in {"operation_gave_up", "gateway_key_too_old"}:
            yield f"operation {operation['id']} ({operation['kind']}) was given up: {operation['last_error']}"
        elif operation["outcome_status"] >= 500:
            yield f"operation {operation['id']} ({operation['kind']}) ended as {operation['outcome_body']}"
    for attempt in evidence.ours["attempts"]:
        if attempt["status"] in {"in_flight", "parked"}:
            yield f"attempt {attempt['id']} of {_payment_id(attempt['payment_id'])} is {attempt['status']}"


def _events_handled(evidence: Evidence) -> Iterator[str]:
    """Every event of the gateway came in, is stored once, and was processed or ignored."""
    stored = Counter(event["external_id"] for event in evidence.ours["inbox"])
    yield from (f"event {event} is stored {count} times" for event, count in stored.items() if count > 1)
    made = {event["id"] for event in evidence.theirs["events"]}
    yield from (f"event {event} never came in" for event in sorted(made - stored.keys()))
    yield from (f"event {event} is none of the gateway's" for event in sorted(stored.keys() - made))
    for event in evidence.ours["inbox"]:
        if event["status"] not in {"processed", "ignored"}:
            yield f"event {event['external_id']} ({event['type']}) is {event['status']}: {event['last_error']}"


def _effects_once(evidence: Evidence) -> Iterator[str]:
    """Each change of a payment starts where the one before it ended, and is told of once."""
    at: dict[str, dict[str, Any]] = defaultdict(dict)
    for entry in _payment_entries(evidence):
        known, before, after = at[entry["object_id"]], entry["before"] or {}, entry["after"] or {}
        for name in _FOLLOWED:
            if name in after:
                if name in known and before.get(name) != known[name]:
                    yield f"{entry['object_id']}: {entry['action']} moves {name} from {before.get(name)}, it was {known[name]}"
                known[name] = after[name]
    for payment in evidence.ours["payments"]:
        public = _payment_id(payment["id"])
        now = {
            "status": payment["status"],
            "amount_captured": payment["amount_captured_minor"],
            "amount_refunded": payment["amount_refunded_minor"],
        }
        if at[public] != now:
            yield f"{public} is {now}, and its entries end at {at[public]}"
    told = Counter((event["object_id"], event["type"]) for event in evidence.ours["outbox"])
    for (object_id, type_), count in told.items():
        if type_ in {"payment.succeeded", "payment.canceled", "payment.failed", "customer.created"} and count > 1:
            yield f"{object_id} is told of as {type_} {count} times"


def _status_forwards(evidence: Evidence) -> Iterator[str]:
    """No payment's status moved against the life cycle."""
    at: dict[str, PaymentStatus] = {}
    for entry in _payment_entries(evidence):
        if "status" in (entry["after"] or {}):
            new, old = PaymentStatus(entry["after"]["status"]), at.get(entry["object_id"])
            if old is not None and new != old and new not in EDGES[old]:
                yield f"{entry['object_id']} went from {old} to {new}"
            at[entry["object_id"]] = new


def _consumers_told_once(evidence: Evidence) -> Iterator[str]:
    """Each consumer of an event has one delivery of it, which arrived; the gateway has each customer once."""
    deliveries = Counter((row["event_id"], row["consumer"], row["endpoint"]) for row in evidence.ours["deliveries"])
    yield from (f"delivery {key} is there {count} times" for key, count in deliveries.items() if count > 1)
    told = {(row["event_id"], row["consumer"]) for row in evidence.ours["deliveries"]}
    for event in evidence.ours["outbox"]:
        for consumer in CONSUMERS.get(event["type"], ()):
            if (event["id"], consumer) not in told:
                yield f"{consumer} was never to hear of {event['type']} {event['id']}"
    for row in evidence.ours["deliveries"]:
        if row["status"] != "delivered":
            yield f"delivery {row['id']} to {row['consumer']} is {row['status']}: {row['last_error']}"
    named = {customer["id"]: customer["name"] for customer in evidence.theirs["customers"]}
    for customer in evidence.ours["customers"]:
        if customer["gateway_id"] is not None and named.get(customer["gateway_id"]) != customer["name"]:
            yield f"customer {customer['id']} has another name at the gateway"
    yield from _more_than_once(
        "gateway's customers of", (customer["metadata"].get("customer_id") for customer in evidence.theirs["customers"])
    )


def _product_told_in_order(evidence: Evidence) -> Iterator[str]:
    """The product took every event that it was to hear of, signed, and those of one customer in their order."""
    yield from (f"webhook {arrival.id} is not signed by us" for arrival in evidence.arrivals if not arrival.is_signed)
    first: dict[str, int] = {}
    for place, arrival in enumerate(evidence.arrivals):
        first.setdefault(arrival.id, place)
    told = {row["event_id"] for row in evidence.ours["outgoing"]}
    for event in evidence.ours["outbox"]:
        if event["id"] not in told:
            yield f"the product was never to hear of {event['type']} {event['id']}"
    last: dict[UUID, int] = {}
    for row in evidence.ours["outgoing"]:
        public = public_id(EVENT_PREFIX, row["event_id"])
        if row["status"] != "delivered" or public not in first:
            yield f"webhook {public} is {row['status']}, and {'was' if public in first else 'was not'} taken"
        elif first[public] < last.get(row["lane"], -1):
            yield f"webhook {public} came before an earlier one of its customer"
        else:
            last[row["lane"]] = first[public]


def _answers_kept(evidence: Evidence) -> Iterator[str]:
    """What was answered is there, nothing else is, and one key is one thing."""
    payments = {_payment_id(row["id"]) for row in evidence.ours["payments"]}
    refunds = {public_id(REFUND_PREFIX, row["id"]) for row in evidence.ours["refunds"]}
    named: defaultdict[str, set[str]] = defaultdict(set)
    for wish in evidence.wishes:
        if wish.fulfilled and (found := _made_by(wish)):
            named[wish.key].add(found)
            if found not in payments | refunds:
                yield f"{found} was answered {wish.answers[0].status} and is not there"
    yield from (f"key {key} made {sorted(ids)}" for key, ids in named.items() if len(ids) > 1)
    if all(wish.fulfilled for wish in evidence.wishes):
        answered = {found for ids in named.values() for found in ids}
        yield from (f"{ghost} was never answered" for ghost in sorted(payments - answered))
    yield from (f"key {wish.key} ({wish.path}) never got an answer" for wish in evidence.wishes if not wish.fulfilled)


def _same_answer(evidence: Evidence) -> Iterator[str]:
    """A key that was answered answers the same for ever: what was made, and its outcome once there is one."""
    operations = {public_id(OPERATION_PREFIX, row["id"]): row for row in evidence.ours["operations"]}
    for replay in evidence.replays:
        first, again = replay.wish.answers[0], replay.answer
        if any(_credit_answers(replay.wish)) and _may_be_lost(evidence, replay.wish):
            continue
        if again is None:
            yield f"key {replay.wish.key}: answered {first.status}, and not any more"
            continue
        accepted = first.body.get("operation")
        if not isinstance(accepted, dict):  # of credits it is the word for what they are for
            if (first.status, first.comparable) != (again.status, again.comparable):
                yield f"key {replay.wish.key}: first {first.status} {first.comparable}, then {again.status} {again.comparable}"
            continue
        named = operations.get(accepted["id"])
        finals = [(answer.status, answer.comparable) for answer in replay.wish.answers if answer.status != 202]
        if any(final != (again.status, again.comparable) for final in finals):
            yield f"key {replay.wish.key}: answered {[status for status, _ in finals]}, then {again.status}, or other words"
        if named is None:
            yield f"key {replay.wish.key}: its operation {accepted['id']} is not there"
        elif (again.status, again.comparable) != (named["outcome_status"], named["outcome_body"]):
            yield f"key {replay.wish.key}: the operation's outcome is {named['outcome_status']}, the replay {again.status}"


def _credits_answered(evidence: Evidence) -> Iterator[str]:
    """Each answer of credits is a transaction that says the same, each transaction was answered, and one key is one of them."""
    done = {public_id(TRANSACTION_PREFIX, row["id"]): row for row in evidence.ours["credits"]}
    keys: defaultdict[str, set[str]] = defaultdict(set)
    for wish in evidence.wishes:
        for key, answer in _credit_answers(wish):
            keys[str(answer["id"])].add(key)
            row = done.get(str(answer["id"]))
            if row is None and not _may_be_lost(evidence, wish):
                yield f"{wish.path} {key} was answered {answer['id']}, which is not there"
            if row is not None and row["balance"] != answer["balance"]:
                yield f"{answer['id']} was answered with a balance of {answer['balance']}, and has {row['balance']}"
    yield from (f"{id_} is the answer to {sorted(asked)}" for id_, asked in keys.items() if len(asked) > 1)
    if all(wish.fulfilled for wish in evidence.wishes):
        for id_, row in done.items():
            if id_ not in keys and row["type"] in _ASKED_FOR and row["actor"] != WORKER.name:
                yield f"{id_} ({row['type']} of {row['amount']}) was never answered"


def _purchases_credited_once(evidence: Evidence) -> Iterator[str]:
    """What is paid for is credited, what is not is not, and each purchase once."""
    granted = OPERATIONS[PurchaseStep.PAID]
    grants = (row["reference"] for row in evidence.ours["credits"] if row["operation"] == granted)
    yield from _more_than_once("grants of", grants)
    for row in evidence.ours["purchases"]:
        if (row["granted"] > 0) != (row["amount_captured_minor"] > 0) or row["pending_id"] is not None:
            yield f"purchase {row['id']}: captured {row['amount_captured_minor']}, credited {row['granted']}"


def _credits_add_up(evidence: Evidence) -> Iterator[str]:
    """Balances on the server are the ledger's, and the ledger's sums are each other's: the service's own commands prove it."""
    yield from evidence.books


def _periods_billed_once(evidence: Evidence) -> Iterator[str]:
    """The periods of a subscription follow each other without a gap, each with one invoice, up to the one it is in."""
    billed: dict[UUID, list[Row]] = defaultdict(list)
    for row in evidence.ours["periods"]:
        billed[row["subscription_id"]].append(row)
    for subscription in evidence.ours["subscriptions"]:
        rows = billed[subscription["id"]]
        for before, after in pairwise(rows):
            if before["period_end"] != after["period_start"]:
                yield f"{after['number']} begins {after['period_start']}, the one before ends {before['period_end']}"
        trialing = not rows and subscription["status"] in {"trialing", "canceled"}
        if not trialing and (not rows or rows[-1]["period_start"] != subscription["current_period_start"]):
            yield f"subscription {subscription['id']} is in a period that nobody has billed"


def _chain_unbroken(evidence: Evidence) -> Iterator[str]:
    """The audit log's chain verifies from the first entry to the last, with every head that was written to a log."""
    yield from evidence.chain


def _invariants_hold(evidence: Evidence) -> Iterator[str]:
    """What the service checks of itself holds."""
    yield from (f"{name}: {count}" for name, count in evidence.invariants.items() if count)


RULES: dict[str, Callable[[Evidence], Iterator[str]]] = {
    "charged once": _charged_once,
    "books agree": _books_agree,
    "refunds agree": _refunds_agree,
    "operations ended": _operations_ended,
    "events handled": _events_handled,
    "effects once": _effects_once,
    "status forwards": _status_forwards,
    "consumers told once": _consumers_told_once,
    "product told in order": _product_told_in_order,
    "answers kept": _answers_kept,
    "same answer": _same_answer,
    "credits answered": _credits_answered,
    "purchases credited once": _purchases_credited_once,
    "credits add up": _credits_add_up,
    "periods billed once": _periods_billed_once,
    "chain unbroken": _chain_unbroken,
    "invariants hold": _invariants_hold,
}


def _payment_id(id_: UUID) -> str:
    return public_id(PREFIX, id_)


def _payment_entries(evidence: Evidence) -> Iterator[Row]:
    return (entry for entry in evidence.ours["audit"] if entry["object_type"] == "payment")


def _more_than_once(what: str, names: Iterable[object]) -> Iterator[str]:
    for name, count in Counter(names).items():
        if count > 1:
            yield f"{count} {what} {name}"


def _credit_answers(wish: Wish) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield, under its key, each operation on credits that the wish was told to be done."""
    if not wish.path.startswith("/credits/") or wish.path == "/credits/purchase":
        return
    if wish.fulfilled and wish.answers[0].status < 300:
        body = wish.answers[0].body
        if wish.path == "/credits/deduct/batch":
            done = zip(wish.body["items"], body["data"], strict=True)
            yield from ((item["idempotency_key"], result) for item, result in done if result.get("id"))
        else:
            yield wish.key, body


def _may_be_lost(evidence: Evidence, wish: Wish) -> bool:
    """Say whether the credits server was emptied soon after the answer: what was not drained by then is lost, as documented."""
    return any(-_ANSWER_SECONDS < at - wish.answered_at < _DRAIN_SECONDS for at in evidence.flushes)


def _made_by(wish: Wish) -> str | None:
    """Return the id of the payment or refund that the wish made, where its answer says so."""
    body, status = wish.answers[0].body, wish.answers[0].status
    if wish.path == "/credits/purchase":
        return str(body["payment_id"]) if "payment_id" in body else None
    if wish.path == "/payments/intent" and (status < 300 or "payment_id" in body):
        return str(body.get("payment_id") or body["id"])
    if wish.path == "/payments/refund" and status < 300:
        return str(body["id"])
    return None
