"""Process: deduct the credits of usage events, each once, wherever it is cut off.

1. A charge was committed together with its event. The credit transaction will have the event's id.
2. What was begun before is looked up in Postgres first, behind all that the journals hold: the credits server knows a key again
   for a day only.
3. The script, under a key made of that id: however often it runs, the credits are taken once. The work was done already, so it is
   never refused: what is not there becomes a debt.
4. The journal is drained, and a charge is closed only when its transaction is in Postgres. Had the credits server lost it in
   between, it would not be there, and the credits would be taken again.
"""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

import structlog
from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from billing import leases
from billing.actor import WORKER
from billing.credits.answers import CreditOrder, KeptAs
from billing.credits.deduct import deduct_each
from billing.credits.drain import drain_to_the_end
from billing.credits.rows import PROJECT
from billing.credits.server import CreditsUnavailable
from billing.credits.shards import Shard, key_digest
from billing.errors import BillingError, Unavailable
from billing.fail_points import fail_point
from billing.hints import Hint
from billing.idempotency import request_hash
from billing.metrics import WORK
from billing.runtime import Runtime
from billing.unit_of_work import hint_after_commit
from billing.usage.representation import EVENT_PREFIX
from models.credits import CreditTransaction
from models.ids import public_id
from models.usage import ChargeStatus, Meter, UsageCharge, UsageEvent

BATCH = 500
# What the metadata of a deduction calls the event that it is for.
_EVENT = "usageEvent"
Now = Callable[[], datetime]
log = structlog.get_logger(__name__)


class _About(NamedTuple):
    """What the deduction of a charge says it is for."""

    operation: str
    project: str
    actor: str


def charge_due(runtime: Runtime, *, now: Now) -> Counter[str]:
    """Deduct up to BATCH due charges and return how many came to which end; empty when none was due."""
    with runtime.transaction() as session:
        claimed = leases.claim(
            session, UsageCharge, limit=BATCH, lease_seconds=runtime.settings.WORK_LEASE_SECONDS, busy_status=None
        )
        if len(claimed) == BATCH:
            hint_after_commit(session, Hint.USAGE)  # there may be more: somebody else begins with it meanwhile
        claimed = leases.set_failed_apart(session, claimed)
        about = _about(session, claimed)
    if not claimed:
        return Counter()
    fail_point("usage.charges_claimed")
    ends = Counter[str]()
    for together in runtime.credits.by_node(claimed, shard=lambda charge: Shard.of(charge.customer_id)):
        ends += _charge(runtime, together, about=about, now=now)
    for end, count in ends.items():
        WORK.labels(table="usage_charges", kind="charge", outcome=end).inc(count)
    return ends


def charge_failed_again(session: Session) -> int:
    """Let charges that were given up be due once more, and return how many these are."""
    again = session.scalars(
        update(UsageCharge)
        .where(UsageCharge.status == ChargeStatus.FAILED)
        # It may have been made before it was given up: one postponement lets it be looked up first.
        .values(status=ChargeStatus.PENDING, next_attempt_at=func.now(), failures=0, postponements=1)
        .returning(UsageCharge.id),
        execution_options={"synchronize_session": False},
    ).all()
    hint_after_commit(session, Hint.USAGE)
    return len(again)


def _charge(
    runtime: Runtime, charges: Sequence[UsageCharge], *, about: Mapping[UUID, _About], now: Now
) -> Counter[str]:
    """Deduct charges together. One that breaks its batch is found by halving: it must not hold up the others."""
    try:
        if leases.died_too_often(charges[0]):
            return _fail(runtime, charges[0], "a worker died while it deducted this", final=True)
        return _deduct(runtime, charges, about=about, now=now)
    except Unavailable as error:
        return _postpone(runtime, charges, reason=error.code)
    except Exception as error:
        log.exception("usage.charges_failed", charges=len(charges), first=str(charges[0].id))
        if len(charges) == 1:
            return _fail(runtime, charges[0], type(error).__name__)
        middle = len(charges) // 2
        return _charge(runtime, charges[:middle], about=about, now=now) + _charge(
            runtime, charges[middle:], about=about, now=now
        )


def _deduct(
    runtime: Runtime, charges: Sequence[UsageCharge], *, about: Mapping[UUID, _About], now: Now
) -> Counter[str]:
    begun = [charge for charge in charges if charge.failures + charge.postponements]
    made = _in_books(runtime, begun, now=now) if begun else set()
    left = [charge for charge in charges if charge.id not in made]
    orders = [_order(charge, about[charge.id]) for charge in left]
    answers = deduct_each(runtime, orders, now=now(), owing=True) if orders else []
    fail_point("usage.deducted")
    made = _in_books(runtime, charges, now=now)
    ends = _close(runtime, [charge for charge in charges if charge.id in made], now=now())
    lost = []
    for charge, answer in zip(left, answers, strict=True):
        if isinstance(answer, BillingError) and not isinstance(answer, CreditsUnavailable):
            log.error("usage.charge_refused", charge=str(charge.id), code=answer.code, detail=answer.detail)
            ends += _fail(runtime, charge, f"{answer.code}: {answer.detail}")
        elif charge.id not in made:
            lost.append(charge)
    return ends + (_postpone(runtime, lost, reason=CreditsUnavailable.code) if lost else Counter())


def _order(charge: UsageCharge, about: _About) -> CreditOrder:
    key = f"usage-charge-{charge.id}"
    named = {PROJECT: about.project} if about.project else {}
    return CreditOrder(
        customer_id=charge.customer_id,
        amount=charge.credits,
        operation=about.operation,
        metadata={_EVENT: public_id(EVENT_PREFIX, charge.id), **named},
        actor=about.actor,
        kept=KeptAs(
            key_digest(key, caller=WORKER.name),
            request_hash(method="", path=key, body=str(charge.credits).encode()).hex(),
        ),
        id=charge.id,
    )


def _about(session: Session, charges: Collection[UsageCharge]) -> dict[UUID, _About]:
    query = (
        select(UsageEvent.id, Meter.code, UsageEvent.project, UsageEvent.actor)
        .join(Meter, Meter.id == UsageEvent.meter_id)
        .where(UsageEvent.id.in_([charge.id for charge in charges]))
    )
    return {id_: _About(*about) for id_, *about in session.execute(query)}


def _in_books(runtime: Runtime, charges: Iterable[UsageCharge], *, now: Now) -> set[UUID]:
    """Return those of the charges whose transactions Postgres has, once it has all that the journals hold of them."""
    wanted = {charge.id: Shard.of(charge.customer_id) for charge in charges}
    drain_to_the_end(runtime, now=now, shards=sorted(set(wanted.values()), key=lambda shard: shard.number))
    with runtime.transaction() as session:
        return set(session.scalars(select(CreditTransaction.id).where(CreditTransaction.id.in_(wanted))))


def _close(runtime: Runtime, charges: Sequence[UsageCharge], *, now: datetime) -> Counter[str]:
    if not charges:
        return Counter()
    with runtime.transaction() as session:
        held = leases.hold_all(session, charges)
        session.execute(
            update(UsageCharge)
            .where(UsageCharge.id.in_([charge.id for charge in held]))
            .values(
                status=ChargeStatus.CHARGED, charged_at=now, last_error=None, lease_token=None, next_attempt_at=None
            ),
            execution_options={"synchronize_session": False},
        )
        fail_point("usage.charges_before_commit")
    return Counter({str(ChargeStatus.CHARGED): len(held)}) + Counter({"lease_lost": len(charges) - len(held)})


def _postpone(runtime: Runtime, charges: Sequence[UsageCharge], *, reason: str) -> Counter[str]:
    given_up = []
    with runtime.transaction() as session:
        for charge in charges:
            with suppress(leases.LeaseLost):
                if not leases.postpone(leases.hold(session, charge), reason=reason):
                    given_up.append(charge)
    log.warning("usage.charges_postponed", charges=len(charges), code=reason)
    ends = Counter({"postponed": len(charges) - len(given_up)})
    for charge in given_up:
        ends += _fail(runtime, charge, reason, final=True)
    return ends


def _fail(runtime: Runtime, charge: UsageCharge, reason: str, *, final: bool = False) -> Counter[str]:
    with runtime.transaction() as session, suppress(leases.LeaseLost):
        held = leases.hold(session, charge)
        if leases.fail(held, reason=reason, final=final):
            return Counter({"failing": 1})
        held.status = ChargeStatus.FAILED
        log.error("usage.charge_given_up", charge=str(charge.id), reason=reason, mend="billing credits charge-usage")
        return Counter({str(ChargeStatus.FAILED): 1})
    return Counter({"lease_lost": 1})
