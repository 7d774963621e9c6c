"""Process steps: one page of the gateway's lists, compared with our rows.

Each step asks the gateway first, and returns an effect: what it found is written, with the place where the next slice begins, in
the transaction that gives the run back. What has an operation that has not finished is left for the next run.
"""

from collections.abc import Callable, Sequence
from datetime import datetime
from itertools import chain

from sqlalchemy.orm import Session

from billing.gateways.snapshots import (
    BalanceEntrySnapshot,
    CreatedWindow,
    DisputeSnapshot,
    IntentSnapshot,
    RefundSnapshot,
)
from billing.ledger.money_facts import fee_entries
from billing.ledger.post import post
from billing.payments.representation import DISPUTE_PREFIX, PREFIX, REFUND_PREFIX
from billing.reconciliation import our_side
from billing.reconciliation.compare import (
    Finding,
    compare_dispute,
    compare_entry,
    compare_payment,
    compare_refund,
    expected_amount,
    is_compared,
    our_id,
)
from billing.reconciliation.record import explained, note_seen, record_findings
from billing.runtime import Runtime
from models.ids import public_id
from models.reconciliation import ObjectType, ReconciliationRun

PAGE_SIZE = 100
Item = IntentSnapshot | RefundSnapshot | DisputeSnapshot | BalanceEntrySnapshot
# Writes what a slice found; returns where the next slice of the step begins, or None when the step is done.
Effect = Callable[[Session, ReconciliationRun, datetime], str | None]


def compare_page_of_payments(runtime: Runtime, *, run: ReconciliationRun) -> Effect:
    """Compare a page of payment intents."""
    page, more = runtime.gateway.page_of_intents(window=_window(run), after=run.cursor)

    def effect(session: Session, held: ReconciliationRun, now: datetime) -> str | None:
        ours = our_side.payments_of(session, intents=page)
        in_flight = our_side.busy(session, public_ids=[public_id(PREFIX, row.id) for row in ours.values()])
        payers = our_side.billed_by_stripe(session, customers={intent.customer for intent in page})
        findings = [
            finding
            for intent in page
            if intent.id in ours or "payment_id" in intent.metadata or intent.customer not in payers
            for finding in compare_payment(ours=ours.get(intent.id), theirs=intent)
            if finding.our_id not in in_flight
        ]
        _write(session, held, ObjectType.PAYMENT, page, findings, in_flight=len(in_flight), now=now)
        return _next(page, more=more)

    return effect


def compare_page_of_refunds(runtime: Runtime, *, run: ReconciliationRun) -> Effect:
    """Compare a page of refunds."""
    page, more = runtime.gateway.page_of_refunds(window=_window(run), after=run.cursor)

    def effect(session: Session, held: ReconciliationRun, now: datetime) -> str | None:
        ours = our_side.refunds_of_page(session, refunds=page)
        payments = our_side.known_intents(session, intents=[refund.payment_intent for refund in page])
        names = [public_id(REFUND_PREFIX, row.id) for row in ours.values()]
        in_flight = our_side.busy(session, public_ids=names)
        findings = [
            finding
            for refund in page
            for finding in compare_refund(
                ours=ours.get(refund.id), theirs=refund, payment_known=refund.payment_intent in payments
            )
            if finding.our_id not in in_flight
        ]
        _write(session, held, ObjectType.REFUND, page, findings, in_flight=len(in_flight), now=now)
        return _next(page, more=more)

    return effect


def compare_page_of_disputes(runtime: Runtime, *, run: ReconciliationRun) -> Effect:
    """Compare a page of disputes."""
    page, more = runtime.gateway.page_of_disputes(window=_window(run), after=run.cursor)

    def effect(session: Session, held: ReconciliationRun, now: datetime) -> str | None:
        ours = our_side.disputes_of_page(session, disputes=page)
        payments = our_side.known_intents(session, intents=[dispute.payment_intent for dispute in page])
        names = [public_id(DISPUTE_PREFIX, row.id) for row in ours.values()]
        in_flight = our_side.busy(session, public_ids=names)
        findings = [
            finding
            for dispute in page
            for finding in compare_dispute(
                ours=ours.get(dispute.id), theirs=dispute, payment_known=dispute.payment_intent in payments
            )
            if finding.our_id not in in_flight
        ]
        _write(session, held, ObjectType.DISPUTE, page, findings, in_flight=len(in_flight), now=now)
        return _next(page, more=more)

    return effect


def compare_page_of_entries(runtime: Runtime, *, run: ReconciliationRun) -> Effect:
    """Compare a page of balance transactions with the rows that they came from, and add them to the run's totals.

    Their fees are posted to the ledger, where they are fees of something that is ours: this is where we hear of them.
    One whose payment, refund or dispute has a difference of its own says nothing new, and is counted in the totals only.
    """
    page, more = runtime.gateway.page_of_entries(window=_window(run), after=run.cursor)

    def effect(session: Session, held: ReconciliationRun, now: datetime) -> str | None:
        ours = our_side.sources_of(session, entries=page)
        known = explained(session, gateway_ids=[name for entry in page for name in _sources(entry)])
        in_flight = our_side.busy(session, public_ids=[our_id(row) for row in ours.values() if row is not None])
        payers = our_side.billed_by_stripe(
            session, customers={entry.source.customer for entry in page if entry.source is not None}
        )
        findings: list[Finding] = []
        totals = {currency: dict(sums) for currency, sums in held.totals.items()}
        for entry in page:
            sums = totals.setdefault(entry.currency.upper(), dict.fromkeys(_TOTALS, 0))
            sums["transactions"] += 1
            sums["amount"] += entry.amount
            sums["fee"] += entry.fee
            sums["net"] += entry.net
            foreign = ours.get(entry.id) is None and entry.source is not None and entry.source.customer in payers
            if is_compared(entry) and not foreign:
                sums["compared_amount"] += entry.amount
                sums["our_amount"] += expected_amount(entry, ours=ours.get(entry.id))
                if not known.intersection(_sources(entry)):
                    findings += compare_entry(entry, ours=ours.get(entry.id))
        findings = [finding for finding in findings if finding.our_id not in in_flight]
        held.totals = totals
        theirs = [fee_entries(entry) for entry in page if ours.get(entry.id) is not None]
        post(session, list(chain.from_iterable(theirs)), now=now)
        _write(session, held, ObjectType.BALANCE_TRANSACTION, page, findings, in_flight=len(in_flight), now=now)
        return _next(page, more=more)

    return effect


_TOTALS = ("transactions", "amount", "fee", "net", "compared_amount", "our_amount")


def count(run: ReconciliationRun, **numbers: int) -> None:
    """Add to the run's counts."""
    run.counts = {**run.counts, **{name: run.counts.get(name, 0) + number for name, number in numbers.items()}}


def _write(
    session: Session,
    run: ReconciliationRun,
    object_type: ObjectType,
    page: Sequence[Item],
    findings: Sequence[Finding],
    *,
    in_flight: int,
    now: datetime,
) -> None:
    if object_type is not ObjectType.BALANCE_TRANSACTION:
        note_seen(session, run_id=run.id, object_type=object_type, gateway_ids=[item.id for item in page])
    record_findings(session, run_id=run.id, findings=findings, now=now)
    count(run, **{str(object_type): len(page), "in_flight": in_flight})


def _window(run: ReconciliationRun) -> CreatedWindow:
    return CreatedWindow(run.since, run.until, PAGE_SIZE)


def _sources(entry: BalanceEntrySnapshot) -> set[str]:
    return {name for name in (entry.source.id, entry.source.payment_intent) if name} if entry.source else set()


def _next(page: Sequence[Item], *, more: bool) -> str | None:
    return page[-1].id if more and page else None
