"""Process: take due deliveries of the outbox to their consumers.

A consumer may be called again after a crash, so each is harmless to repeat; that it hears of an event at all is what the row
guarantees, and the unique (event, consumer, endpoint) that it hears of it under one delivery.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from datetime import datetime
from uuid import UUID

import structlog

from billing import leases
from billing.actor import WORKER
from billing.credits.auto_top_up import top_up
from billing.credits.follow_payment import follow_payment
from billing.credits.prefixes import PURCHASE_PREFIX
from billing.customers.gateway_customer import sync_gateway_customer
from billing.customers.representation import PREFIX as CUSTOMER_PREFIX
from billing.errors import BillingError, Unavailable
from billing.fail_points import fail_point
from billing.hints import Hint
from billing.invoicing.follow_payment import follow_payment as follow_invoice_payment
from billing.invoicing.prefixes import INVOICE_PREFIX
from billing.metrics import WORK
from billing.outbox import AUTO_TOP_UP, GATEWAY_CUSTOMER, INVOICE, PLAN_CREDIT_LIMIT, PLAN_CREDITS, PURCHASED_CREDITS
from billing.runtime import Runtime
from billing.subscriptions.follow_credit_limit import follow_credit_limit
from billing.subscriptions.grant_allowance import grant_allowances
from billing.unit_of_work import hint_after_commit
from models.ids import public_id, row_id
from models.outbox import DeliveryStatus, OutboxDelivery, OutboxEvent

BATCH = 8
Consumer = Callable[[Runtime, OutboxEvent, datetime], None]
log = structlog.get_logger(__name__)


def _tell_gateway_customer(runtime: Runtime, event: OutboxEvent, now: datetime) -> None:
    if event.customer_id is not None:
        sync_gateway_customer(runtime, customer_id=event.customer_id, now=now)


def _let_credits_follow(runtime: Runtime, event: OutboxEvent, now: datetime) -> None:
    follow_payment(runtime, purchase_id=row_id(PURCHASE_PREFIX, event.object_id), now=now)


def _top_up(runtime: Runtime, event: OutboxEvent, now: datetime) -> None:
    if event.customer_id is not None:
        with runtime.transaction() as session:
            top_up(session, customer_id=event.customer_id, settings=runtime.settings, now=now)


def _let_invoice_follow(runtime: Runtime, event: OutboxEvent, now: datetime) -> None:
    with runtime.transaction() as session:
        follow_invoice_payment(
            session,
            invoice_id=row_id(INVOICE_PREFIX, event.object_id),
            actor=WORKER,
            now=now,
        )


def _grant_plan_credits(runtime: Runtime, event: OutboxEvent, now: datetime) -> None:
    _grant_plan_credits_together(runtime, [event], now)


def _grant_plan_credits_together(runtime: Runtime, events: Sequence[OutboxEvent], now: datetime) -> None:
    grant_allowances(runtime, allowance_ids=[UUID(str(event.payload["allowance"])) for event in events], now=now)


def _let_credit_limit_follow(runtime: Runtime, event: OutboxEvent, now: datetime) -> None:
    if event.customer_id is not None:
        follow_credit_limit(runtime, customer_id=event.customer_id, now=now)


CONSUMERS: dict[str, Consumer] = {
    GATEWAY_CUSTOMER: _tell_gateway_customer,
    PURCHASED_CREDITS: _let_credits_follow,
    AUTO_TOP_UP: _top_up,
    INVOICE: _let_invoice_follow,
    PLAN_CREDIT_LIMIT: _let_credit_limit_follow,
    PLAN_CREDITS: _grant_plan_credits,
}
# What a billing run leaves by the hundred is told of together: it costs one look for all. Alone where that fails.
TOGETHER: dict[str, Callable[[Runtime, Sequence[OutboxEvent], datetime], None]] = {
    PLAN_CREDITS: _grant_plan_credits_together
}
_Pair = tuple[OutboxDelivery, OutboxEvent]


def relay_batch(runtime: Runtime, *, now: Callable[[], datetime]) -> Counter[str]:
    """Deliver up to BATCH due deliveries and return how many came to which end; empty when none was due."""
    with runtime.transaction() as session:
        claimed = leases.claim(
            session, OutboxDelivery, limit=BATCH, lease_seconds=runtime.settings.WORK_LEASE_SECONDS, busy_status=None
        )
        if len(claimed) == BATCH:
            hint_after_commit(session, Hint.OUTBOX)  # there may be more: somebody else begins with it meanwhile
        claimed = leases.set_failed_apart(session, claimed)
        pairs = [(delivery, session.get_one(OutboxEvent, delivery.event_id)) for delivery in claimed]
    if claimed:
        fail_point("outbox.claimed")
    ends: Counter[str] = Counter()
    for consumer in TOGETHER:
        group = [pair for pair in pairs if pair[0].consumer == consumer and not pair[0].failures]
        if len(group) > 1 and (told := _deliver_together(runtime, consumer, group, now=now)):
            pairs = [pair for pair in pairs if pair[0].id not in told]
            WORK.labels(table="outbox_deliveries", kind=consumer, outcome=DeliveryStatus.DELIVERED).inc(len(told))
            ends[str(DeliveryStatus.DELIVERED)] += len(told)
    for delivery, event in pairs:
        customer = public_id(CUSTOMER_PREFIX, event.customer_id) if event.customer_id else None
        with structlog.contextvars.bound_contextvars(
            outbox_event=event.type, consumer=delivery.consumer, customer_id=customer
        ):
            try:
                end = _deliver(runtime, delivery, event, now=now)
            except leases.LeaseLost:
                log.warning("outbox.lease_lost")
                end = "lease_lost"
        WORK.labels(table="outbox_deliveries", kind=delivery.consumer, outcome=end).inc()
        ends[end] += 1
    return ends


def _deliver_together(
    runtime: Runtime, consumer: str, group: Sequence[_Pair], *, now: Callable[[], datetime]
) -> set[UUID]:
    """Tell the consumer of several events at once, and return which deliveries were noted as done; none where that failed."""
    try:
        TOGETHER[consumer](runtime, [event for _, event in group], now())
        fail_point("outbox.told_together")
        with runtime.transaction() as session:
            standing = {row.id for row in leases.hold_all(session, [delivery for delivery, _ in group])}
            for delivery, _ in group:
                if delivery.id in standing:
                    _note_delivered(session.merge(delivery, load=False), now=now())
            fail_point("outbox.together_before_commit")
    except Exception:
        log.warning("outbox.not_told_together", consumer=consumer, deliveries=len(group), exc_info=True)
        return set()
    return standing


def _deliver(runtime: Runtime, delivery: OutboxDelivery, event: OutboxEvent, *, now: Callable[[], datetime]) -> str:
    try:
        if leases.died_too_often(delivery):
            return _fail(runtime, delivery, "a worker died while it delivered this", final=True)
        CONSUMERS[delivery.consumer](runtime, event, now())
        fail_point("outbox.told")
        return _done(runtime, delivery, now=now)
    except leases.LeaseLost:
        raise
    except Unavailable as error:
        return _postpone(runtime, delivery, error)
    except BillingError as error:
        # A refusal stays a refusal, but what was refused may be mended meanwhile (an address, say): count it.
        log.warning("outbox.refused", code=error.code, detail=error.detail)
        return _fail(runtime, delivery, f"{error.code}: {error.detail}")
    except Exception as error:
        log.exception("outbox.failed")
        return _fail(runtime, delivery, type(error).__name__)


def _done(runtime: Runtime, delivery: OutboxDelivery, *, now: Callable[[], datetime]) -> str:
    with runtime.transaction() as session:
        held = leases.hold(session, delivery)
        _note_delivered(held, now=now())
        fail_point("outbox.before_commit")
    fail_point("outbox.after_commit")
    return str(held.status)


def _note_delivered(held: OutboxDelivery, *, now: datetime) -> None:
    held.status = DeliveryStatus.DELIVERED
    held.delivered_at = now
    held.last_error = None
    leases.release(held)


def _postpone(runtime: Runtime, delivery: OutboxDelivery, error: Unavailable) -> str:
    with runtime.transaction() as session:
        held = leases.hold(session, delivery)
        postponed = leases.postpone(held, reason=error.code)
    if not postponed:
        return _fail(runtime, delivery, error.code, final=True)
    log.warning("outbox.postponed", code=error.code, postponements=held.postponements)
    return "postponed"


def _fail(runtime: Runtime, delivery: OutboxDelivery, reason: str, *, final: bool = False) -> str:
    with runtime.transaction() as session:
        held = leases.hold(session, delivery)
        alive = leases.fail(held, reason=reason, final=final)
        held.status = DeliveryStatus.FAILED if alive else DeliveryStatus.DEAD
    if not alive:
        log.error("outbox.dead", reason=reason)
    return str(held.status)
