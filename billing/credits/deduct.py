"""Process: deduct credits, each for itself: what one is refused, another may have."""

import json
from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any

from billing.credits.accounts import open_account
from billing.credits.answers import CreditAnswer, CreditOrder, done
from billing.credits.journal import milliseconds
from billing.credits.scripts import Script
from billing.credits.server import CreditsUnavailable
from billing.credits.shards import Shard
from billing.customers.find import CustomerNotFound
from billing.errors import BillingError
from billing.hints import Hint
from billing.runtime import Runtime
from models.ids import new_id

_TRIES_MAX = 3


def deduct(runtime: Runtime, order: CreditOrder, *, now: datetime) -> CreditAnswer:
    """Take the amount from the customer's grants, and answer as soon as it is on the credits server's disk.

    Raises InsufficientCredits, IdempotencyKeyReused, CustomerNotFound, CreditsUnavailable.
    """
    answer = deduct_each(runtime, [order], now=now)[0]
    if isinstance(answer, BillingError):
        raise answer
    return answer


def deduct_each(runtime: Runtime, orders: Sequence[CreditOrder], *, now: datetime) -> list[CreditAnswer | BillingError]:
    """Return, in the order of `orders`, what became of each; one script does those of one shard.

    Raises CreditsUnavailable when a shard does not answer: what others have done stays done, and is answered again under the
    same keys.
    """
    by_shard: dict[Shard, list[int]] = defaultdict(list)
    for place, order in enumerate(orders):
        by_shard[Shard.of(order.customer_id)].append(place)
    answers: dict[int, CreditAnswer | BillingError] = {}
    for shard, places in by_shard.items():
        for place, raw in zip(places, _run(runtime, shard, [orders[place] for place in places], now=now), strict=True):
            try:
                if isinstance(raw, BillingError):
                    raise raw
                answers[place] = done(raw, orders[place])
            except BillingError as error:
                answers[place] = error
    runtime.send_hint(Hint.CREDITS)
    return [answers[place] for place in range(len(orders))]


def _run(
    runtime: Runtime, shard: Shard, orders: Sequence[CreditOrder], *, now: datetime
) -> list[list[Any] | CustomerNotFound]:
    """Return what the script says of each order; one whose account the server lacks is tried again with an account."""
    found: dict[int, list[Any] | CustomerNotFound] = {}
    left = list(range(len(orders)))
    for _ in range(_TRIES_MAX):
        tried = [orders[place] for place in left]
        found.update(zip(left, _once(runtime, shard, tried, now=now), strict=True))
        left = [place for place in left if found[place] == ["no_account"]]
        if not left:
            return [found[place] for place in range(len(orders))]
        for customer_id in {orders[place].customer_id for place in left}:
            try:
                open_account(runtime, customer_id, now=now)
            except CustomerNotFound as error:
                found |= {place: error for place in left if orders[place].customer_id == customer_id}
        left = [place for place in left if not isinstance(found[place], CustomerNotFound)]
        if not left:
            return [found[place] for place in range(len(orders))]
    raise CreditsUnavailable("the account is gone again and again")


def _once(runtime: Runtime, shard: Shard, orders: Sequence[CreditOrder], *, now: datetime) -> list[list[Any]]:
    customers = list(dict.fromkeys(order.customer_id for order in orders))
    place_of = {customer: place for place, customer in enumerate(customers, start=1)}
    at = milliseconds(now)
    keys = [
        shard.journal,
        shard.due,
        *(shard.account(customer) for customer in customers),
        *(shard.answer(order.customer_id, order.kept.key) for order in orders),
    ]
    arguments: list[str | int] = [at, runtime.credits.kept_milliseconds, len(customers), *map(str, customers)]
    ids = [str(new_id()) for _ in orders]
    arguments += [
        f"{place_of[order.customer_id]} {id_} {order.amount} {order.kept.request} {_entry(order, id_, at)}"
        for order, id_ in zip(orders, ids, strict=True)
    ]
    answers = runtime.credits.run(Script.DEDUCT, keys, arguments)
    return [["done", id_, raw, at] if isinstance(raw, int) else raw for id_, raw in zip(ids, answers, strict=True)]


def _entry(order: CreditOrder, id_: str, at: int) -> str:
    """Return what the journal shall say of a deduction beside what the script knows: an object's JSON, without its end.

    The script copies it. To let it be put together there takes longer than all the rest of a deduction.
    """
    metadata = json.dumps(json.dumps(order.metadata)) if order.metadata else '""'
    return (
        f'{{"type":"deduct","id":"{id_}","customer":"{order.customer_id}","at":{at},"amount":{order.amount},'
        f'"operation":{_quoted(order.operation)},"metadata":{metadata},"actor":{_quoted(order.actor)},'
        f'"key":"{order.kept.key}","request":"{order.kept.request}"'
    )


@lru_cache(maxsize=1_024)  # operations and actors are few
def _quoted(word: str) -> str:
    return json.dumps(word)
