"""Rule: the lines that a subscription's items make: for a whole period, for the rest of one, and for time that is not used."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple
from uuid import UUID

from billing.catalog.pricing import PriceTerms, charge
from billing.invoicing.draft import Line
from billing.subscriptions.cycle import Period
from billing.subscriptions.proration import Share, charge_for_rest, credit_for_rest
from models.invoice import LineKind
from models.price import PriceScheme


class Billed(NamedTuple):
    """What was billed for an item, in minor units and less its discount, and for which share of the period."""

    amount_minor: int
    share: Share


class PricedItem(NamedTuple):
    """So many of one price, and the name under which the customer knows it. With a `meter` it is not owed in advance.

    `plan` is the code of the plan or add-on, of whose version the price is.
    """

    item_id: UUID
    price_id: UUID
    version_id: UUID
    plan: str
    terms: PriceTerms
    quantity: int
    name: str
    meter: str | None = None

    @property
    def shown(self) -> str:
        """The name, with the quantity where that makes a difference."""
        return self.name if self.terms.scheme is PriceScheme.FLAT else _named(self.name, self.quantity)


def recurring_lines(items: Sequence[PricedItem], *, period: Period) -> list[Line]:
    """Return what the items cost for a whole period."""
    return [
        Line(
            kind=LineKind.RECURRING,
            description=item.shown,
            quantity=item.quantity,
            period=period,
            price_id=item.price_id,
            item_id=item.item_id,
            share=_WHOLE,
            amount_minor=prorated.amount_minor,
            formula=prorated.formula,
        )
        for item in items
        if item.meter is None
        for prorated in [charge_for_rest(charge(item.terms, item.quantity), left=_WHOLE)]
    ]


def rest_lines(items: Sequence[PricedItem], *, rest: Period, left: Share) -> list[Line]:
    """Return what the items cost for the rest of a period, of which `left` is the share."""
    return [
        Line(
            kind=LineKind.PRORATION_CHARGE,
            description=f"{item.shown}, rest of the period",
            quantity=item.quantity,
            period=rest,
            price_id=item.price_id,
            item_id=item.item_id,
            share=left,
            amount_minor=prorated.amount_minor,
            formula=prorated.formula,
        )
        for item in items
        if item.meter is None
        for prorated in [charge_for_rest(charge(item.terms, item.quantity), left=left)]
    ]


def unused_lines(
    items: Sequence[PricedItem], *, billed: Mapping[UUID, Sequence[Billed]], rest: Period, left: Share
) -> list[Line]:
    """Return what is given back for the rest of a period, of what was billed for each item; nothing where nothing was."""
    return [
        Line(
            kind=LineKind.PRORATION_CREDIT,
            description=f"{item.shown}, unused time",
            quantity=item.quantity,
            period=rest,
            price_id=item.price_id,
            item_id=item.item_id,
            amount_minor=prorated.amount_minor,
            formula=prorated.formula,
        )
        for item in items
        for paid in billed.get(item.item_id, ())
        for prorated in [
            credit_for_rest(paid.amount_minor, paid_for=paid.share, left=left, currency=item.terms.currency)
        ]
        if prorated.amount_minor
    ]


_WHOLE = Share(1, 1)


def _named(name: str, quantity: int) -> str:
    return name if quantity == 1 else f"{name} × {quantity}"
