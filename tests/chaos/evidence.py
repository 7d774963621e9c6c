"""What the checker looks at, read after the quiet: our rows, the gateway's objects, what clients and the product heard."""

import random
import threading
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import create_engine
from sqlalchemy.orm import Session

from billing.audit_chain import Anchor, verify_chain
from billing.invariants import check_invariants
from tests.chaos.client import Answer, Client, Journal, Wish
from tests.chaos.product import Arrival
from tests.chaos.stack import ChaosStack

Row = dict[str, Any]
_ENCRYPTION_KEY = bytes(32)
_TRIES_MAX = 3
_TABLES = {
    "payments": "SELECT * FROM payments",
    "refunds": "SELECT * FROM refunds",
    "attempts": "SELECT * FROM payment_attempts",
    "operations": "SELECT * FROM operations",
    "inbox": "SELECT id, source, external_id, type, status, result, failures, last_error FROM inbox_events",
    "outbox": "SELECT id, type, object_type, object_id FROM outbox_events ORDER BY id",
    "deliveries": "SELECT * FROM outbox_deliveries",
    "outgoing": "SELECT event_id, lane, position, status FROM webhook_deliveries ORDER BY position",
    "credits": "SELECT id, type, amount, balance, operation, reference, actor FROM credit_transactions",
    "purchases": "SELECT c.*, p.amount_captured_minor FROM credit_purchases c JOIN payments p ON p.id = c.id",
    "subscriptions": "SELECT id, status, created_at, current_period_start, current_period_end FROM subscriptions",
    "periods": "SELECT subscription_id, number, period_start, period_end FROM invoices "
    "WHERE billing_reason IN ('subscription_create', 'subscription_cycle') ORDER BY subscription_id, period_start",
    "customers": "SELECT id, gateway_id, name FROM customers",
    "audit": "SELECT id, action, object_type, object_id, before, after FROM audit_entries ORDER BY id",
}
_LISTS = {
    "intents": "payment_intents",
    "charges": "charges",
    "refunds": "refunds",
    "customers": "customers",
    "events": "events",
}


@dataclass(frozen=True)
class Replay:
    """A wish that had its answer, and what the same key was answered afterwards."""

    wish: Wish
    answer: Answer | None


@dataclass
class Evidence:
    """What there is to look at. `ours` and `theirs` are rows by table and by list."""

    ours: dict[str, list[Row]]
    theirs: dict[str, list[Row]]
    wishes: list[Wish]
    replays: list[Replay]
    arrivals: list[Arrival]
    chain: list[str] = field(default_factory=list)
    invariants: dict[str, int] = field(default_factory=dict)
    # What `billing credits verify` and `billing ledger verify` found wrong; when the credits server was emptied.
    books: list[str] = field(default_factory=list)
    flushes: list[float] = field(default_factory=list)


def collect(stack: ChaosStack, *, journal: Journal, earlier: list[Wish]) -> Evidence:
    """Read it all. The keys of this schedule are asked again; `earlier` wishes of the same stack count as well."""
    replays = _replay(stack, journal)
    books = [*_verify(stack, "credits"), *_verify(stack, "ledger")]  # the first drains what is left of the journal
    engine = create_engine(stack.database_url.replace("postgresql://", "postgresql+psycopg://", 1))
    anchors = [Anchor(seq, bytes.fromhex(head)) for seq, head in stack.anchors()]
    with Session(engine) as session:
        chain = [finding.problem for finding in verify_chain(session, keys=[_ENCRYPTION_KEY], anchors=anchors)]
        invariants = {finding.invariant.name: finding.violations for finding in check_invariants(session)}
    engine.dispose()
    return Evidence(
        ours={name: stack.rows(query) for name, query in _TABLES.items()},
        theirs={name: stack.gateway(path) for name, path in _LISTS.items()},
        wishes=[*earlier, *journal.wishes],
        replays=replays,
        arrivals=stack.product.arrivals,
        chain=chain,
        invariants=invariants,
        books=books,
        flushes=[at for at, name in stack.incidents.flushes if name == "credits"],
    )


def _verify(stack: ChaosStack, books: str) -> list[str]:
    verdict = stack.command(books, "verify", "--json")
    return [] if verdict.returncode == 0 else [f"billing {books} verify: {verdict.stdout} {verdict.stderr}"]


def _replay(stack: ChaosStack, journal: Journal) -> list[Replay]:
    """Send every answered wish once more, under its key."""
    replaying = Journal(stack.directory / "replays.jsonl")
    client = Client(
        url=stack.api_url,
        api_key=stack.api_key,
        journal=replaying,
        rng=random.Random(0),
        give_up=threading.Event(),
    )
    replays = [
        Replay(wish, client.repeat(Wish(key=wish.key, path=wish.path, body=wish.body), tries_max=_TRIES_MAX))
        for wish in journal.wishes
        if wish.fulfilled and _was_kept(wish)
    ]
    client.close()
    replaying.close()
    return replays


def _was_kept(wish: Wish) -> bool:
    """Say whether the answer is kept under its key: accepted work is, whatever comes of it; a refused request is not.

    Of credits only what was done is kept, and in a batch each item has a key of its own.
    """
    status = wish.answers[0].status
    if wish.path.startswith("/credits/") and wish.path != "/credits/purchase":
        return status < 300 and wish.path != "/credits/deduct/batch"
    return status < 300 or status == 402
