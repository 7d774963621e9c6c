"""Rule: the taxes of an invoice. A tax rule is asked once for each invoice, and answers with what it charges and why."""

from decimal import Decimal
from fractions import Fraction
from typing import NamedTuple, Protocol

from models.money import round_half_away_from_zero


class TaxPart(NamedTuple):
    """One tax: `amount_minor` of `taxable_minor` at `rate` (0.20 is twenty per cent). Negative where more is given back."""

    name: str
    rate: Decimal
    taxable_minor: int
    amount_minor: int
    reason: str


class TaxRule(Protocol):
    """A function that knows the taxes on an amount."""

    def __call__(self, *, taxable_minor: int) -> tuple[TaxPart, ...]:
        """Return the taxes on a net amount in minor units, rounded half away from zero, once for each tax."""


def flat_tax(rate: Decimal) -> TaxRule:
    """Return the rule of one rate for everybody (TAX_RATE); none where the rate is 0."""

    def rule(*, taxable_minor: int) -> tuple[TaxPart, ...]:
        if not rate or not taxable_minor:
            return ()
        amount = round_half_away_from_zero(Fraction(rate) * taxable_minor)
        return (TaxPart("Tax", rate, taxable_minor, amount, "the installation's rate, TAX_RATE"),)

    return rule
