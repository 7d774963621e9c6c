"""Process: send credits from one customer to another, who may be in another shard.

It is a hold of the sender, a grant to the receiver, and the hold's end, each under the transfer's id. Between them the transfer
is under way: the sender's credits are held, and the sweep goes on where somebody stopped. The receiver's answer decides, and is
kept; whoever asks again, days later, hears the same, so that nothing is both brought and given back.
"""

import json
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from itertools import chain
from typing import Any, NamedTuple
from uuid import UUID, uuid5

import structlog

from billing.credits.accounts import account_keys, common_arguments, run
from billing.credits.answers import RECEIVED_KEPT, CreditAnswer, CreditLimitExceeded, CreditOrder, done
from billing.credits.balance import read_balance
from billing.credits.journal import instant, milliseconds
from billing.credits.nodes import Node
from billing.credits.places import Place
from billing.credits.scripts import Script
from billing.credits.server import CreditsUnavailable
from billing.credits.shards import Shard, new_hold_id
from billing.errors import Invalid
from billing.fail_points import fail_point
from billing.hints import Hint
from billing.runtime import Runtime
from models.ids import id_instant, new_id

# Well before the receiver forgets: one that could not be ended for so long is left to a person.
_GIVEN_UP_AFTER = timedelta(days=20)
# A transfer younger than this is in the hands of the request that began it.
_LEFT_ALONE = timedelta(seconds=10)
log = structlog.get_logger(__name__)


class TransferToSelf(Invalid):
    """Sender and receiver are the same customer."""

    code = "transfer_to_self"


class Transfer(NamedTuple):
    """A transfer under way: what is sent, as parts that keep their expiry and priority."""

    id: UUID
    sender: UUID
    receiver: UUID
    amount: int
    parts: str
    actor: str


def transfer(runtime: Runtime, order: CreditOrder, *, receiver: UUID, now: datetime) -> CreditAnswer:
    """Send the order's credits to `receiver`; the answer is the sender's. Parts keep their expiry and priority.

    Raises TransferToSelf, InsufficientCredits, CreditLimitExceeded (then the sender has all back), IdempotencyKeyReused,
    CustomerNotFound, CreditsUnavailable.
    """
    read_balance(runtime, customer_id=receiver, now=now)  # there is such a customer
    if receiver == order.customer_id:
        raise TransferToSelf("sender and receiver are the same customer")
    raw = run(
        runtime,
        order.customer_id,
        Script.TRANSFER,
        lambda place: (
            [*account_keys(place, order), place.shard.transfers],
            [*common_arguments(runtime, place, order), str(new_hold_id(order.customer_id)), str(receiver)],
        ),
        now=now,
    )
    answer = done(raw, order)
    fail_point("credits.transfer_held")
    begun = Transfer(UUID(raw[4]), order.customer_id, receiver, order.amount, raw[5], order.actor)
    received = finish(runtime, begun, now=now)
    runtime.send_hint(Hint.CREDITS)
    if not received:
        raise CreditLimitExceeded(
            f"the receiver would hold more than {runtime.settings.MAX_CREDIT_BALANCE} credits; nothing was sent"
        )
    return answer


def finish(runtime: Runtime, begun: Transfer, *, now: datetime) -> bool:
    """Bring the credits to the receiver, once, and end the hold; return False when they were refused, and given back."""
    received = _receive(runtime, begun, now=now)
    fail_point("credits.transfer_received")
    run(
        runtime,
        begun.sender,
        Script.END_TRANSFER,
        lambda place: (
            [place.shard.journal, place.due, place.account, place.shard.transfers],
            [milliseconds(place.now), str(begun.sender), str(new_id()), str(begun.id), int(received)],
        ),
        now=now,
        hidden_too=True,
    )
    return received


def sweep_transfers(runtime: Runtime, *, now: Callable[[], datetime]) -> int:
    """Finish the transfers that somebody began and left, and return how many there were. Raises CreditsUnavailable.

    Those whose receiver's node does not answer are left to the next sweep.
    """
    finished, away = 0, frozenset[Shard]()
    for begun, at in chain.from_iterable(runtime.credits.ask_each(_under_way).answers):
        age = now() - at
        if age > _GIVEN_UP_AFTER:
            log.error("credits.transfer_too_old", transfer=str(begun.id), days=age.days, mend="a person has to look")
        elif age > _LEFT_ALONE and Shard.of(begun.receiver) not in away:
            try:
                received = finish(runtime, begun, now=now())
            except CreditsUnavailable as error:
                log.warning("credits.transfer_postponed", transfer=str(begun.id), reason=error.code)
                away |= runtime.credits.beside(Shard.of(begun.receiver))
            else:
                log.warning("credits.transfer_finished", transfer=str(begun.id), received=received)
                finished += 1
    return finished


def _receive(runtime: Runtime, begun: Transfer, *, now: datetime) -> bool:
    key = f"transfer-{begun.id}"
    parts = json.loads(begun.parts)

    def wording(place: Place) -> tuple[Sequence[str], Sequence[str | int]]:
        return [place.shard.journal, place.due, place.account, place.shard.answer(begun.receiver, key)], [
            milliseconds(place.now),
            int(RECEIVED_KEPT.total_seconds() * 1000),
            str(begun.receiver),
            str(new_id()),
            begun.amount,
            begun.actor,
            key,
            str(begun.id),
            str(begun.sender),
            runtime.settings.MAX_CREDIT_BALANCE,
            begun.parts,
            *(str(uuid5(begun.id, str(number))) for number in range(len(parts))),
        ]

    raw = run(runtime, begun.receiver, Script.RECEIVE_TRANSFER, wording, now=now, hidden_too=True)
    return "exceeds" not in raw[:2]


def _under_way(node: Node) -> list[tuple[Transfer, datetime]]:
    with node.client.pipeline(transaction=False) as pipeline:
        for shard in node.shards:
            pipeline.hgetall(shard.transfers)
        found: list[dict[str, str]] = pipeline.execute()
    return [_read(UUID(id_), json.loads(text)) for transfers in found for id_, text in transfers.items()]


def _read(id_: UUID, raw: dict[str, Any]) -> tuple[Transfer, datetime]:
    begun = Transfer(id_, UUID(raw["sender"]), UUID(raw["receiver"]), int(raw["amount"]), raw["parts"], raw["actor"])
    # In the time of a test clock nobody could say how long ago it began; its id is from the real time.
    return begun, id_instant(id_) if raw.get("clock") else instant(int(raw["at"]))
