"""Rule: the lines that a subscription's items make: for a whole period, and for the rest of one."""

from collections.abc import Sequence
from typing import NamedTuple
from uuid import UUID

from billing.catalog.pricing import PriceTerms, charge
from billing.invoicing.draft import Line
from billing.subscriptions.cycle import Period
from billing.subscriptions.proration import Share, charge_for_rest
from models.invoice import LineKind
from models.price import PriceScheme


class PricedItem(NamedTuple):
    """So many of one price, and the name under which the customer knows it. With a `meter` it is not owed in advance."""

    item_id: UUID
    price_id: UUID
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


_WHOLE = Share(1, 1)


def _named(name: str, quantity: int) -> str:
    return name if quantity == 1 else f"{name} × {quantity}"
