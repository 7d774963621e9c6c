"""Rule: what an invoice comes to. Values, before they are rows: a preview shows them, and the invoice is written from them."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from billing.payments.chargeable import chargeable_part
from billing.subscriptions.cycle import Period
from billing.subscriptions.proration import Share
from billing.tax.rule import TaxPart, TaxRule
from models.ids import new_id
from models.invoice import BillingReason, LineKind
from models.subscription import Collection


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One line, in minor units. `discount_minor` is its part of a discount; `formula` shows where the amount comes from."""

    kind: LineKind
    description: str
    amount_minor: int
    formula: str
    quantity: int = 1
    discount_minor: int = 0
    period: Period | None = None
    price_id: UUID | None = None
    item_id: UUID | None = None
    share: Share | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """Who is to pay for what."""

    customer_id: UUID
    subscription_id: UUID | None
    reason: BillingReason
    currency: str
    period: Period
    lines: Sequence[Line]
    collection: Collection
    days_until_due: int
    on_test_clock: bool
    at: datetime
    payment_method_id: str | None = None
    metadata: dict[str, str] = field(default_factory=dict)
    id: UUID = field(default_factory=new_id)


class Totals(NamedTuple):
    """What an invoice comes to, in minor units.

    subtotal - discount + tax = total. `balance` is what the customer's balance pays of it; it is negative, and adds to the
    balance, where the total is, or where the balance was below zero. total - balance = amount_due, which is never negative.
    """

    subtotal: int
    discount: int
    tax: int
    total: int
    balance: int
    amount_due: int


class Computed(NamedTuple):
    """A draft with its taxes and totals."""

    draft: Draft
    taxes: tuple[TaxPart, ...]
    totals: Totals


def compute(draft: Draft, *, tax: TaxRule, balance_minor: int) -> Computed:
    """Return what the draft comes to for a customer who has `balance_minor` with us."""
    subtotal = sum(line.amount_minor for line in draft.lines)
    discount = sum(line.discount_minor for line in draft.lines)
    return Computed(
        draft,
        *reckon(subtotal=subtotal, discount=discount, currency=draft.currency, tax=tax, balance_minor=balance_minor),
    )


def reckon(
    *, subtotal: int, discount: int, currency: str, tax: TaxRule, balance_minor: int
) -> tuple[tuple[TaxPart, ...], Totals]:
    """Return the taxes and totals of lines that come to `subtotal`, for a customer who has `balance_minor` with us.

    What the gateway cannot charge, because it is too little or not a whole step of the currency, is left to the balance, which
    is then below zero: the next invoice collects it.
    """
    taxes = tax(taxable_minor=subtotal - discount)
    total = subtotal - discount + sum(part.amount_minor for part in taxes)
    used = total - chargeable_part(amount_minor=max(total - balance_minor, 0), currency=currency)
    return taxes, Totals(subtotal, discount, total - subtotal + discount, total, balance=used, amount_due=total - used)
