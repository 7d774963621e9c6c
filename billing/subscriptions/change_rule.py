"""Rule: when a change of plan, quantity or interval comes, and what it gives back of the present period."""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from fractions import Fraction
from typing import NamedTuple
from uuid import UUID

from billing.catalog.pricing import charge
from billing.invoicing.draft import Line
from billing.subscriptions.cycle import Period
from billing.subscriptions.lines import Billed, PricedItem, unused_lines
from billing.subscriptions.proration import Share
from models.price import PriceInterval

_FROM_SHORT_TO_LONG = list(PriceInterval)


class Effective(StrEnum):
    """When a change comes: at once, or when what is paid for has been used."""

    NOW = "now"
    PERIOD_END = "period_end"


class Proration(StrEnum):
    """What becomes of the difference: an invoice at once, lines of the next invoice, or nothing."""

    INVOICE_NOW = "invoice_now"
    CREATE = "create"
    NONE = "none"


class Difference(NamedTuple):
    """The items that a change ends, those that it begins, and those that it leaves as they are."""

    ended: tuple[PricedItem, ...]
    begun: tuple[PricedItem, ...]
    kept: tuple[PricedItem, ...]

    @property
    def after(self) -> tuple[PricedItem, ...]:
        """The items that there are when the change has come."""
        return self.kept + self.begun


def difference(present: Sequence[PricedItem], wanted: Sequence[PricedItem]) -> Difference:
    """Return what has to end and to begin; as much of the same price goes on as it is."""
    asked = {(item.price_id, item.quantity) for item in wanted}
    kept = tuple(item for item in present if (item.price_id, item.quantity) in asked)
    going_on = {(item.price_id, item.quantity) for item in kept}
    return Difference(
        ended=tuple(item for item in present if item not in kept),
        begun=tuple(item for item in wanted if (item.price_id, item.quantity) not in going_on),
        kept=kept,
    )


def when_it_comes(*, present: PriceInterval, wanted: PriceInterval, change: Difference) -> Effective:
    """Return when a change comes unless the caller says: what is more comes at once, what is less when the period ends.

    A longer interval is more. Between the same intervals it is what a period costs that counts, without what is metered.
    """
    if present is not wanted:
        longer = _FROM_SHORT_TO_LONG.index(wanted) > _FROM_SHORT_TO_LONG.index(present)
        return Effective.NOW if longer else Effective.PERIOD_END
    return Effective.NOW if _cost(change.begun) >= _cost(change.ended) else Effective.PERIOD_END


def given_back(
    change: Difference, *, billed: Mapping[UUID, Sequence[Billed]], rest: Period, left: Share, restarts: bool
) -> list[Line]:
    """Return the lines of unused time, against what was `billed` for each item.

    `rest` is what is left of the present period, and `left` which share of it. Where the period restarts, what goes on is given
    back too: it is charged anew.
    """
    items = change.ended + change.kept if restarts else change.ended
    return unused_lines(items, billed=billed, rest=rest, left=left)


def _cost(items: Sequence[PricedItem]) -> Fraction:
    return sum((charge(item.terms, item.quantity).amount for item in items if item.meter is None), Fraction(0))
