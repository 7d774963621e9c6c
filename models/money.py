"""Money: an integer of minor units beside an ISO 4217 currency; one rounding rule and one way to split."""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Self

from iso4217 import Currency as Iso4217Currency


class UnknownCurrency(ValueError):
    """The code is not an ISO 4217 currency that has minor units."""


class CurrencyMismatch(ValueError):
    """Two amounts of different currencies were to be added or compared."""


def minor_unit_exponent(currency: str) -> int:
    """Return how many decimals `currency` has: JPY 0, USD 2, KWD 3.

    Raises UnknownCurrency for anything that ISO 4217 does not list, and for what has no minor unit (gold, XXX).
    """
    try:
        exponent = Iso4217Currency(currency).exponent
    except ValueError:
        exponent = None
    if exponent is None:
        raise UnknownCurrency(f"{currency!r} is not an ISO 4217 currency code")
    return exponent


def round_half_away_from_zero(value: Fraction) -> int:
    """Return the nearest integer; a half goes away from zero (2.5 → 3, -2.5 → -3)."""
    doubled = abs(value.numerator) * 2 + value.denominator
    magnitude = doubled // (value.denominator * 2)
    return magnitude if value >= 0 else -magnitude


def split_by_largest_remainder(whole: int, weights: Sequence[int]) -> list[int]:
    """Split a whole number by weights, so that the parts always sum to it: 10 by 1, 1, 1 is 4, 3, 3.

    `weights` are non-negative and not all zero; among equal remainders the earlier part gets the unit. Of a whole that is not
    more than the sum of the weights no part is more than its weight.
    """
    total_weight = sum(weights)
    if total_weight <= 0 or any(weight < 0 for weight in weights):
        raise ValueError(f"weights must be non-negative and not all zero, got {list(weights)}")
    magnitude, sign = abs(whole), 1 if whole >= 0 else -1
    shares = [divmod(magnitude * weight, total_weight) for weight in weights]
    left_over = magnitude - sum(part for part, _ in shares)
    by_remainder = sorted(range(len(weights)), key=lambda index: (-shares[index][1], index))
    favoured = set(by_remainder[:left_over])
    return [sign * (part + (index in favoured)) for index, (part, _) in enumerate(shares)]


@dataclass(frozen=True, slots=True)
class Money:
    """An amount in minor units of one currency (Money(1050, "USD") is $10.50). May be negative."""

    amount_minor: int
    currency: str

    def __post_init__(self) -> None:
        minor_unit_exponent(self.currency)

    def __add__(self, other: Self) -> "Money":
        self._require_same_currency(other)
        return Money(self.amount_minor + other.amount_minor, self.currency)

    def __sub__(self, other: Self) -> "Money":
        self._require_same_currency(other)
        return Money(self.amount_minor - other.amount_minor, self.currency)

    def __neg__(self) -> "Money":
        return Money(-self.amount_minor, self.currency)

    def times(self, ratio: Fraction | int) -> "Money":
        """Return the amount times an exact ratio, rounded once, half away from zero."""
        return Money(round_half_away_from_zero(Fraction(self.amount_minor) * ratio), self.currency)

    def split(self, weights: Sequence[int]) -> list["Money"]:
        """Split by largest remainder, so that the parts always sum to the whole.

        `weights` are non-negative and not all zero; among equal remainders the earlier part gets the unit.
        """
        return [Money(part, self.currency) for part in split_by_largest_remainder(self.amount_minor, weights)]

    def _require_same_currency(self, other: "Money") -> None:
        if self.currency != other.currency:
            raise CurrencyMismatch(f"cannot combine {self.currency} with {other.currency}")
