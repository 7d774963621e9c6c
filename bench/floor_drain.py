"""The floor of the journal's drain: a bare loop that reads five hundred entries, writes the rows of each, and acknowledges.

It writes each entry's transaction, its entry in the ledger and the two postings, under the same constraints and the same trigger.
It looks at nothing: no order of an account's entries, no rule of bookkeeping, and neither account, grant nor usage is kept.
"""

import json
from collections.abc import Sequence
from contextlib import suppress
from typing import cast
from uuid import UUID

import psycopg
import redis
from redis.exceptions import ResponseError

from models.ids import new_id, public_id

_STREAM, _GROUP, _CONSUMER = "floor:drain", "floor", "floor"
_COUNT = 500
_TRANSACTIONS = """
    INSERT INTO credit_transactions (id, customer_id, seq, type, amount, balance, held, debt, operation, metadata, actor, changes,
        paid, key, request, created_at)
    SELECT id, customer, seq, 'deduct', 1, balance, 0, 0, 'ai.generate', '{}', 'key_bench', changes::jsonb, paid::jsonb, key,
        repeat('0', 64), now()
    FROM unnest(%(ids)s::uuid[], %(customers)s::uuid[], %(seqs)s::bigint[], %(balances)s::bigint[], %(changes)s::text[],
        %(paid)s::text[], %(keys)s::text[]) AS given (id, customer, seq, balance, changes, paid, key)
"""
_ENTRIES = """
    INSERT INTO ledger_entries (id, key, kind, occurred_at, recorded_at, customer_id, reference, lines)
    SELECT id, key, 'credits_deducted', now(), now(), customer, reference, 2
    FROM unnest(%(ids)s::uuid[], %(ledger_keys)s::text[], %(customers)s::uuid[], %(references)s::text[])
        AS given (id, key, customer, reference)
"""
_POSTINGS = """
    INSERT INTO ledger_postings (entry_id, line, account, asset, customer_id, amount)
    SELECT entry_id, line, account, 'credits', customer, amount
    FROM unnest(%(entry_ids)s::uuid[], %(lines)s::smallint[], %(accounts)s::text[], %(owners)s::uuid[], %(amounts)s::bigint[])
        AS given (entry_id, line, account, customer, amount)
"""


def fill(server: redis.Redis, customers: Sequence[UUID], *, count: int, seq: int) -> None:
    """Append `count` entries of the customers in turn to the stream, each account's from `seq` on."""
    with suppress(ResponseError):  # there is one already
        server.xgroup_create(_STREAM, _GROUP, mkstream=True)
    with server.pipeline(transaction=False) as pipeline:
        for place in range(count):
            customer = str(customers[place % len(customers)])
            entry = {
                "id": str(new_id()),
                "customer": customer,
                "seq": seq + place // len(customers),
                "balance": 10**9,
                "changes": {customer: -1},
                "paid": {customer: 1},
            }
            pipeline.xadd(_STREAM, {"e": json.dumps(entry)})
        pipeline.execute()


def drain(server: redis.Redis, connection: psycopg.Connection) -> int:
    """Bring all of the stream into Postgres, and return how many there were."""
    drained = 0
    while read := server.xreadgroup(_GROUP, _CONSUMER, {_STREAM: ">"}, count=_COUNT):
        found = cast("list[tuple[str, dict[str, str]]]", cast("list[list[object]]", read)[0][1])
        entries = [json.loads(fields["e"]) for _, fields in found]
        columns = _columns(entries)
        with connection.transaction():
            for statement in (_TRANSACTIONS, _ENTRIES, _POSTINGS):
                connection.execute(statement, columns)
        places = [place for place, _ in found]
        server.xack(_STREAM, _GROUP, *places)
        server.xdel(_STREAM, *places)
        drained += len(found)
    return drained


def _columns(entries: Sequence[dict[str, object]]) -> dict[str, list[object]]:
    ids = [UUID(str(entry["id"])) for entry in entries]
    customers = [UUID(str(entry["customer"])) for entry in entries]
    return {
        "ids": list(ids),
        "customers": list(customers),
        "seqs": [entry["seq"] for entry in entries],
        "balances": [entry["balance"] for entry in entries],
        "changes": [json.dumps(entry["changes"]) for entry in entries],
        "paid": [json.dumps(entry["paid"]) for entry in entries],
        "keys": [f"floor-{id_}" for id_ in ids],
        "ledger_keys": [f"floor-{id_}" for id_ in ids],
        "references": [public_id("ctx", id_) for id_ in ids],
        "entry_ids": [id_ for id_ in ids for _ in range(2)],
        "lines": [1, 2] * len(ids),
        "accounts": ["customer_credits", "credits_spent"] * len(ids),
        "owners": [owner for customer in customers for owner in (customer, None)],
        "amounts": [1, -1] * len(ids),
    }
