"""Process: deduct credits, each for itself: what one is refused, another may have."""

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any
from uuid import UUID

from billing.credits.accounts import open_account
from billing.credits.answers import CreditAnswer, CreditOrder, done
from billing.credits.journal import instant, milliseconds
from billing.credits.places import Place, places_of
from billing.credits.scripts import Script
from billing.credits.server import CreditsUnavailable
from billing.credits.shards import Shard
from billing.customers.find import CustomerNotFound
from billing.errors import BillingError
from billing.hints import Hint
from billing.runtime import Runtime
from models.ids import new_id

_TRIES_MAX = 3


def deduct(runtime: Runtime, order: CreditOrder, *, now: datetime, owing: bool = False) -> CreditAnswer:
    """Take the amount from the customer's grants, and answer as soon as it is on the credits server's disk.

    `owing` is for what was used already: what is not there becomes a debt.
    Raises InsufficientCredits, IdempotencyKeyReused, CustomerNotFound, CreditsUnavailable.
    """
    answer = deduct_each(runtime, [order], now=now, owing=owing)[0]
    if isinstance(answer, BillingError):
        raise answer
    return answer


def deduct_each(
    runtime: Runtime, orders: Sequence[CreditOrder], *, now: datetime, owing: bool = False
) -> list[CreditAnswer | BillingError]:
    """Return, in the order of `orders`, what became of each; one script does those of one shard. `owing` as above.

    Those whose shard does not answer get CreditsUnavailable, which says that nobody knows: it may be done, and is answered again
    under the same key. It is raised when no shard answers.
    """
    by_shard: dict[Shard, list[int]] = defaultdict(list)
    for place, order in enumerate(orders):
        by_shard[Shard.of(order.customer_id)].append(place)
    answers: dict[int, CreditAnswer | BillingError] = {}
    away: dict[Shard, CreditsUnavailable] = {}
    for shard, places in by_shard.items():
        if shard not in away:
            try:
                found = _run(runtime, shard, [orders[place] for place in places], now=now, owing=owing)
                answers.update(zip(places, found, strict=True))
            except CreditsUnavailable as error:
                away |= dict.fromkeys(runtime.credits.beside(shard), error)
        if shard in away:
            answers.update(dict.fromkeys(places, away[shard]))
    if away and all(isinstance(answer, CreditsUnavailable) for answer in answers.values()):
        raise next(iter(away.values()))
    runtime.send_hint(Hint.CREDITS)
    return [answers[place] for place in range(len(orders))]


def _run(
    runtime: Runtime, shard: Shard, orders: Sequence[CreditOrder], *, now: datetime, owing: bool
) -> list[CreditAnswer | BillingError]:
    """Return what became of each order; one whose account the server lacks is tried again with an account."""
    found: dict[int, CreditAnswer | BillingError] = {}
    left = list(range(len(orders)))
    for _ in range(_TRIES_MAX):
        # What was used already (`owing`) is charged to a hidden customer as well.
        accounts = places_of(runtime, {orders[item].customer_id for item in left}, now=now, hidden_too=owing)
        for together in _by_time(orders, left, accounts):
            answers = _once(runtime, shard, [orders[item] for item in together], accounts=accounts, owing=owing)
            found |= {item: answer for item, answer in zip(together, answers, strict=True) if answer is not None}
        left = [item for item in left if item not in found]
        for customer_id in {orders[item].customer_id for item in left}:
            try:
                open_account(runtime, customer_id, now=now, hidden_too=owing)
            except CustomerNotFound as error:
                found |= {item: error for item in left if orders[item].customer_id == customer_id}
        left = [item for item in left if item not in found]
        if not left:
            return [found[item] for item in range(len(orders))]
    raise CreditsUnavailable("the account is gone again and again")


def _by_time(
    orders: Sequence[CreditOrder], items: Sequence[int], accounts: Mapping[UUID, Place]
) -> Iterable[list[int]]:
    """Return the items in groups that one script can do: of accounts whose time is the same, and falls due in the same set."""
    groups: dict[tuple[str, datetime], list[int]] = defaultdict(list)
    for item in items:
        account = accounts.get(orders[item].customer_id)
        if account is not None:
            groups[account.due, account.now].append(item)
    return groups.values()


def _once(
    runtime: Runtime, shard: Shard, orders: Sequence[CreditOrder], *, accounts: Mapping[UUID, Place], owing: bool
) -> list[CreditAnswer | BillingError | None]:
    """Return what the script says of each order; None of one whose account the server does not have."""
    names = {order.customer_id: str(order.customer_id) for order in orders}
    place_of = {customer: place for place, customer in enumerate(names, start=1)}
    _, _, _, due, now = accounts[orders[0].customer_id]
    at = milliseconds(now)
    keys = [
        shard.journal,
        due,
        *(accounts[customer].account for customer in names),
        *(shard.answer(names[order.customer_id], order.kept.key) for order in orders),
    ]
    ids = [order.id or new_id() for order in orders]
    arguments: list[str | int] = [at, runtime.credits.kept_milliseconds, int(owing), len(names), *names.values()]
    for order, id_ in zip(orders, ids, strict=True):
        id_text, customer = str(id_), order.customer_id
        entry = _entry(order, id_text, names[customer], at)
        arguments.append(f"{place_of[customer]} {id_text} {order.amount} {order.kept.request} {entry}")
    raws, done_at = runtime.credits.run(Script.DEDUCT, keys, arguments), instant(at)
    return [_answer(raw, order, id_, done_at) for raw, order, id_ in zip(raws, orders, ids, strict=True)]


def _answer(raw: int | list[Any], order: CreditOrder, id_: UUID, at: datetime) -> CreditAnswer | BillingError | None:
    if isinstance(raw, int):
        return CreditAnswer(id_, order.customer_id, order.operation, order.amount, raw, at, False)  # noqa: FBT003 - its last field
    if raw == ["no_account"]:
        return None
    try:
        return done(raw, order)
    except BillingError as error:
        return error


def _entry(order: CreditOrder, id_: str, customer: str, at: int) -> str:
    """Return what the journal shall say of a deduction beside what the script knows: an object's JSON, without its end.

    The script copies it. To let it be put together there takes longer than all the rest of a deduction.
    """
    metadata = json.dumps(json.dumps(order.metadata)) if order.metadata else '""'
    return (
        f'{{"type":"deduct","id":"{id_}","customer":"{customer}","at":{at},"amount":{order.amount},'
        f'"operation":{_quoted(order.operation)},"metadata":{metadata},"actor":{_quoted(order.actor)},'
        f'"key":"{order.kept.key}","request":"{order.kept.request}"'
    )


@lru_cache(maxsize=1_024)  # operations and actors are few
def _quoted(word: str) -> str:
    return json.dumps(word)
