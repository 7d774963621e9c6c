"""Rule: what a quantity costs in credits.

A rate is an exact fraction of credits for a unit. What is rounded is a customer's day, never a single event: an event costs what
it adds to its day's rounded total. At 1/1000, rounded down, 350 tokens cost nothing and the next 700 cost 1, because they are
1,050 together; 1,000 events of one token cost 1, not 0 and not 1,000.
"""

import math
from collections.abc import Iterable, Iterator
from decimal import Decimal
from fractions import Fraction
from typing import NamedTuple

from models.usage import CreditRounding, Meter

# What one event may cost: as much as one deduction may take.
EVENT_CREDITS_MAX = 999_999_999_999
_HALF = Fraction(1, 2)


class CreditRate(NamedTuple):
    """How many credits a unit costs, and how a day's total is rounded."""

    per_unit: Fraction
    rounding: CreditRounding

    def credits(self, quantity: Fraction) -> int:
        """Return what a day's total costs."""
        exact = quantity * self.per_unit
        match self.rounding:
            case CreditRounding.DOWN:
                return math.floor(exact)
            case CreditRounding.HALF_UP:
                return math.floor(exact + _HALF)
            case CreditRounding.UP:
                return math.ceil(exact)

    def credits_max(self, quantity: Decimal) -> int:
        """Return the most that an event of this quantity may cost, whatever came before it on its day."""
        return math.ceil(Fraction(quantity) * self.per_unit)

    def credits_of_each(self, quantities: Iterable[Decimal], *, before: Fraction) -> Iterator[int]:
        """Yield what each of a day's next quantities costs; `before` is what the day had so far."""
        total, charged = before, self.credits(before)
        for quantity in quantities:
            total += Fraction(quantity)
            cost = self.credits(total) - charged
            charged += cost
            yield cost


def rate_of(meter: Meter) -> CreditRate | None:
    """Return the rate of a meter; None where its units cost no credits."""
    if meter.credits_numerator is None or meter.credits_denominator is None or meter.rounding is None:
        return None
    return CreditRate(Fraction(meter.credits_numerator, meter.credits_denominator), meter.rounding)


def read_per_unit(text: str) -> tuple[int, int]:
    """Return numerator and denominator of a rate's text: `3`, or `1/1000`."""
    numerator, _, denominator = text.partition("/")
    return int(numerator), int(denominator or 1)


def per_unit_text(meter: Meter) -> str | None:
    """Return the text of a meter's rate, as it was given."""
    if meter.credits_numerator is None:
        return None
    return (
        str(meter.credits_numerator)
        if meter.credits_denominator == 1
        else f"{meter.credits_numerator}/{meter.credits_denominator}"
    )
