"""Use case: who cancels at once gets the unused part of what was really paid for the present period back.

Each line of it is prorated by the subscription's own policy, as a change of plan would: 29.00 were paid for the month, half of it
is left, 1/2 × 29.00 come back. Each invoice that paid for the period gets one credit note; what its payment brought is refunded
there, and what the customer's balance paid goes back to that.
"""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from billing.actor import Actor
from billing.invoicing.collect import payment_of
from billing.invoicing.credit_note import Credited, GiveBack, credit, kept_of
from billing.invoicing.credit_note_find import Creditable, creditable
from billing.invoicing.credit_note_parts import CreditWish, LineCredit, part
from billing.invoicing.find import lock_invoice, parts_of
from billing.invoicing.issue import Parts
from billing.invoicing.prefixes import line_id
from billing.subscriptions.period_draft import cycle_of
from billing.subscriptions.policy import policy_of
from billing.subscriptions.proration import Share, credit_for_rest, share_left
from models.customer import Customer
from models.invoice import Invoice, InvoiceLine, InvoiceStatus
from models.subscription import Subscription, SubscriptionItem

_REASON = "the rest of the period, after the subscription was canceled"


def refund_rest(
    session: Session,
    *,
    customer: Customer,
    subscription: Subscription,
    number_prefix: str,
    actor: Actor,
    at: datetime,
    now: datetime,
) -> list[Credited]:
    """Write the credit notes of what is unused at `at`, and return them; none where nothing was paid, or nothing is left.

    The caller holds the locks of customer and subscription; invoices are locked here, in the order of their ids. What a line
    gave back before, and what was refunded or is disputed, is not given a second time.
    """
    whole = cycle_of(subscription).period_at(subscription.current_period_start)
    if not subscription.current_period_start <= at < subscription.current_period_end:
        return []
    left = share_left(whole, at=at, policy=policy_of(subscription))
    written = []
    for invoice, lines in _paid_lines(session, subscription):
        wish = _wish(session, invoice, lines, left=left)
        if wish is None:
            continue
        written.append(
            credit(
                session,
                customer=customer,
                invoice=invoice,
                wish=wish,
                give_back=GiveBack.REFUND,
                reason=_REASON,
                metadata={},
                number_prefix=number_prefix,
                actor=actor,
                at=at,
                now=now,
            )
        )
    return written


def _paid_lines(session: Session, subscription: Subscription) -> list[tuple[Invoice, Sequence[InvoiceLine]]]:
    """Return the paid invoices with their lines that paid for present items in the present period; their rows are locked.

    What an item that has ended had paid for was given back when it ended.
    """
    query = (
        select(InvoiceLine)
        .join(Invoice, Invoice.id == InvoiceLine.invoice_id)
        .join(SubscriptionItem, SubscriptionItem.id == InvoiceLine.subscription_item_id)
        .where(
            Invoice.subscription_id == subscription.id,
            Invoice.status == InvoiceStatus.PAID,
            SubscriptionItem.ended_at.is_(None),
            InvoiceLine.share_of.is_not(None),
            InvoiceLine.period_start >= subscription.current_period_start,
            InvoiceLine.period_end <= subscription.current_period_end,
        )
        .order_by(InvoiceLine.invoice_id, InvoiceLine.position)
    )
    lines: dict[object, list[InvoiceLine]] = defaultdict(list)
    for line in session.scalars(query):
        lines[line.invoice_id].append(line)
    return [(lock_invoice(session, invoice_id=found[0].invoice_id), found) for found in lines.values()]


def _wish(session: Session, invoice: Invoice, lines: Sequence[InvoiceLine], *, left: Share) -> CreditWish | None:
    """Return what is unused of an invoice's lines; of what is not here any more, only as much as still is."""
    (parts,) = parts_of(session, [invoice])
    room = creditable(session, parts)
    unused = _unused(lines, room, parts, left=left)
    kept = min(kept_of(session, invoice, payment_of(session, invoice=invoice)), room.left.total)
    net = sum(line.amount_minor for line in unused)
    if net <= 0 or kept <= 0:
        return None
    wish = CreditWish(lines=unused)
    if net > room.left.net or part(parts, room, wish).shares.total > kept:
        return CreditWish(amount_minor=kept)
    return wish


def _unused(lines: Sequence[InvoiceLine], room: Creditable, parts: Parts, *, left: Share) -> list[LineCredit]:
    left_of = dict(zip((line.position for line in parts.lines), room.left.lines, strict=True))
    credits_ = []
    for line in lines:
        if line.share_parts is None or line.share_of is None:
            continue
        paid_for = Share(line.share_parts, line.share_of)
        rest = credit_for_rest(left_of[line.position], paid_for=paid_for, left=left, currency=line.currency)
        if rest.amount_minor:
            named = line_id(line.invoice_id, line.position)
            credits_.append(LineCredit(named, -rest.amount_minor, rest.formula.removeprefix("-")))
    return credits_
