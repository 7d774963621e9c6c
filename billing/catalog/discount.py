"""Rule: how a coupon's discount is shared out to the lines of an invoice."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

from models.coupon import Coupon
from models.money import round_half_away_from_zero, split_by_largest_remainder


@dataclass(frozen=True, kw_only=True, slots=True)
class DiscountTerms:
    """What a coupon takes off: `percent_off` of the lines, or `amount_off_minor` in minor units of `currency`; one of the two."""

    percent_off: Decimal | None = None
    amount_off_minor: int | None = None
    currency: str | None = None

    def __post_init__(self) -> None:
        if (self.percent_off is None) == (self.amount_off_minor is None):
            raise ValueError("a discount is a percentage or an amount, one of the two")
        if (self.amount_off_minor is None) != (self.currency is None):
            raise ValueError("an amount stands beside its currency")


def discount(terms: DiscountTerms, amounts: Sequence[int]) -> list[int]:
    """Return what comes off each line, in minor units; none of it is negative or more than its line.

    The discount is one amount of the whole invoice, a percentage rounded once, half away from zero; it is shared out by the
    amounts of the lines by largest remainder, so that the parts sum to it: 10% off 3, 3 and 4 cents is 1 cent, of the line
    with 4. A line that is not above zero gives nothing and counts for nothing: what is credited back was discounted when it
    was paid. The lines have the coupon's currency; whether they do, the caller has checked.
    """
    billed = [max(amount, 0) for amount in amounts]
    total = sum(billed)
    if terms.percent_off is not None:
        whole = round_half_away_from_zero(total * Fraction(terms.percent_off) / 100)
    else:
        whole = terms.amount_off_minor or 0
    whole = min(whole, total)
    return split_by_largest_remainder(whole, billed) if whole else [0] * len(billed)


def discount_terms_of(coupon: Coupon) -> DiscountTerms:
    """Return the terms of a coupon's row."""
    return DiscountTerms(
        percent_off=coupon.percent_off, amount_off_minor=coupon.amount_off_minor, currency=coupon.currency
    )
