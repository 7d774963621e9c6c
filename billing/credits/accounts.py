"""Process: run an operation on a customer's account, and open the account where the server does not have it yet."""

import json
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from itertools import chain
from typing import Any
from uuid import UUID

from billing.credits.answers import CreditOrder
from billing.credits.drain import drain_to_the_end
from billing.credits.expected import read_epoch
from billing.credits.journal import milliseconds
from billing.credits.kept_answers import read_answers
from billing.credits.places import Place, place_of
from billing.credits.restore import new_account, read_accounts, restoring
from billing.credits.scripts import Script
from billing.credits.server import CreditsUnavailable
from billing.credits.shards import Shard
from billing.customers.find import require_customer
from billing.runtime import Runtime
from models.ids import new_id

# The keys and the arguments of a script on the account at a place.
Wording = Callable[[Place], tuple[Sequence[str], Sequence[str | int]]]
_NO_ACCOUNT, _CLOSED = "no_account", "closed"
_TRIES_MAX = 3


def run(
    runtime: Runtime,
    customer_id: UUID,
    script: Script,
    wording: Wording,
    *,
    now: datetime,
    hidden_too: bool = False,
) -> list[Any]:
    """Return what a script on one account returns, in the account's own time when it is really `now`.

    `hidden_too`: for what has to come to its end also when the customer's test clock was deleted. Raises CustomerNotFound,
    CreditsUnavailable, DatabaseUnavailable.
    """
    for _ in range(_TRIES_MAX):
        keys, arguments = wording(place_of(runtime, customer_id, now=now, hidden_too=hidden_too))
        raw: list[Any] = runtime.credits.run(script, keys, arguments)
        if raw[0] != _NO_ACCOUNT:
            return raw
        open_account(runtime, customer_id, now=now, hidden_too=hidden_too)
    raise CreditsUnavailable("the account is gone again and again")


def open_account(runtime: Runtime, customer_id: UUID, *, now: datetime, hidden_too: bool = False) -> None:
    """Write the account as the ledger has it, or a new one, and remember when its customer is on a test clock.

    That the server has no account may mean that it has lost its memory: then nothing is opened, and a rebuild is asked for.
    Raises CustomerNotFound, CreditsUnavailable.
    """
    keep = timedelta(hours=runtime.settings.CREDIT_ANSWERS_KEPT_HOURS)
    with runtime.transaction() as session:
        clock_id = require_customer(session, customer_id, hidden_too=hidden_too).test_clock_id
        epoch = read_epoch(session)
    if clock_id is not None:
        runtime.on_clocks.note(customer_id, clock_id)
    drain_to_the_end(runtime, now=lambda: now, shards=[Shard.of(customer_id)])
    with runtime.transaction() as session:
        known = list(read_accounts(session, customers=[customer_id]))
        answers = list(chain.from_iterable(read_answers(session, now=now, keep=keep, customer_id=customer_id)))
    account = known[0] if known else new_account(customer_id, on_clock=clock_id is not None)
    keys, arguments = restoring(account, answers, epoch=str(epoch), now=now)
    if runtime.credits.run(Script.RESTORE, keys, arguments) == _CLOSED:
        runtime.credits.require_open(Shard.of(customer_id))


def account_keys(place: Place, order: CreditOrder) -> list[str]:
    """Return the keys that every script on one account begins with: journal, due, account, answer."""
    shard = place.shard
    return [shard.journal, place.due, place.account, shard.answer(order.customer_id, order.kept.key)]


def common_arguments(runtime: Runtime, place: Place, order: CreditOrder) -> list[str | int]:
    """Return what most scripts on one account begin with: now, how long answers are kept, and the order."""
    return [
        milliseconds(place.now),
        runtime.credits.kept_milliseconds,
        str(order.customer_id),
        str(order.id or new_id()),
        order.amount,
        order.operation,
        json.dumps(order.metadata) if order.metadata else "",
        order.actor,
        *order.kept,
    ]
