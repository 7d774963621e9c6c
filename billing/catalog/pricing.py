"""Rule: what a quantity costs, exactly, and the formula that says how it came about.

Amounts are fractions of minor units, and nothing is rounded here: whoever makes an invoice's line rounds it once, half away from
zero. 7 units at 0.25 cents are 1.75 cents, and 2 cents on the line. A quantity of 0 costs nothing, but for a flat price, which
knows no quantity.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import NamedTuple

from billing.decimals import plain, plain_fraction
from models.money import minor_unit_exponent
from models.price import TIERED, UNIT_AMOUNT_DECIMALS, UNIT_AMOUNT_MAX, Price, PriceScheme

Quantity = int | Decimal | Fraction
_TIMES = "×"
_STEP = Decimal(1).scaleb(-UNIT_AMOUNT_DECIMALS)
TIERS_MAX = 100


class PriceTermsBroken(ValueError):
    """The terms do not say what a quantity costs, or say it twice."""


class Tier(NamedTuple):
    """Units up to and with `up_to` (None: all that are left) cost `unit_amount` each, and `flat_amount` once any is in it.

    Amounts are in minor units, and may be below one.
    """

    up_to: int | None
    unit_amount: Decimal
    flat_amount: Decimal = Decimal(0)


@dataclass(frozen=True, kw_only=True, slots=True)
class PriceTerms:
    """What a price says of amounts: `unit_amount` in minor units of `currency`, or tiers where the scheme has them.

    Raises PriceTermsBroken for terms that do not fit their scheme.
    """

    scheme: PriceScheme
    currency: str
    unit_amount: Decimal | None = None
    package_size: int | None = None
    tiers: tuple[Tier, ...] = ()

    def __post_init__(self) -> None:
        minor_unit_exponent(self.currency)
        if self.scheme in TIERED:
            _require_tiers(self.tiers)
            if self.unit_amount is not None:
                raise PriceTermsBroken(
                    f"the amounts of a {self.scheme} price are those of its tiers, not a unit_amount"
                )
        else:
            if self.tiers:
                raise PriceTermsBroken(f"a {self.scheme} price has no tiers")
            _require_amount("unit_amount", self.unit_amount)
        if self.scheme is PriceScheme.PACKAGE:
            if self.package_size is None or self.package_size < 1:
                raise PriceTermsBroken("a package price says in package_size how many units a package has, 1 or more")
        elif self.package_size is not None:
            raise PriceTermsBroken(f"a {self.scheme} price has no package_size")


class Charge(NamedTuple):
    """What a quantity costs, in minor units and not rounded, and how it was computed, in major units: `3 × 29.00`."""

    amount: Fraction
    formula: str


class _Term(NamedTuple):
    """A summand: so many times `each`, or `each` alone where there is nothing to multiply."""

    each: Decimal
    times: Fraction | None = None
    unit: str = ""

    @property
    def amount(self) -> Fraction:
        return Fraction(self.each) * (1 if self.times is None else self.times)

    def formula(self, exponent: int) -> str:
        each = in_major_units(self.each, exponent)
        return each if self.times is None else f"{plain_fraction(self.times)}{self.unit} {_TIMES} {each}"


def charge(terms: PriceTerms, quantity: Quantity) -> Charge:
    """Return what `quantity` costs by these terms. Raises ValueError for a negative quantity."""
    exact = Fraction(quantity)
    if exact < 0:
        raise ValueError(f"a quantity is not negative, got {quantity}")
    summands = _summands(terms, exact)
    exponent = minor_unit_exponent(terms.currency)
    return Charge(
        amount=sum((term.amount for term in summands), Fraction(0)),
        formula=" + ".join(term.formula(exponent) for term in summands),
    )


def terms_of(price: Price) -> PriceTerms:
    """Return the terms of a price's row. Raises PriceTermsBroken."""
    return PriceTerms(
        scheme=price.scheme,
        currency=price.currency,
        unit_amount=price.unit_amount,
        package_size=price.package_size,
        tiers=tuple(_read_tier(row) for row in price.tiers or ()),
    )


def tiers_as_rows(tiers: Sequence[Tier]) -> list[dict[str, object]] | None:
    """Return tiers as a price's row keeps them: amounts are texts, so that none is ever a float. None where there are none."""
    return [
        {"up_to": tier.up_to, "unit_amount": plain(tier.unit_amount), "flat_amount": plain(tier.flat_amount)}
        for tier in tiers
    ] or None


def in_major_units(amount: Decimal, exponent: int) -> str:
    """Return minor units as major ones, with the currency's decimals and as many more as it takes: `29.00`, `0.0025`."""
    whole, _, decimals = plain(amount.scaleb(-exponent)).partition(".")
    return f"{whole}.{decimals.ljust(exponent, '0')}" if exponent or decimals else whole


def _summands(terms: PriceTerms, quantity: Fraction) -> list[_Term]:
    unit_amount = terms.unit_amount if terms.unit_amount is not None else Decimal(0)
    match terms.scheme:
        case PriceScheme.FLAT:
            return [_Term(unit_amount)]
        case PriceScheme.PER_UNIT:
            return [_Term(unit_amount, quantity)]
        case PriceScheme.PACKAGE:
            size = terms.package_size or 1
            packages = -(-quantity // size)  # rounded up: a package that is begun is owed
            unit = f" package{'' if packages == 1 else 's'} of {size}"
            return [_Term(unit_amount, Fraction(packages), unit)]
        case PriceScheme.GRADUATED:
            return _graduated(terms.tiers, quantity)
        case PriceScheme.VOLUME:
            tier = next(tier for tier in terms.tiers if tier.up_to is None or quantity <= tier.up_to)
            return _in_tier(tier, quantity)


def _graduated(tiers: Sequence[Tier], quantity: Fraction) -> list[_Term]:
    summands, below = list[_Term](), Fraction(0)
    for tier in tiers:
        top = quantity if tier.up_to is None else min(quantity, Fraction(tier.up_to))
        summands += _in_tier(tier, top - below)
        below = top
        if below == quantity:
            break
    return summands


def _in_tier(tier: Tier, count: Fraction) -> list[_Term]:
    flat = [_Term(tier.flat_amount)] if tier.flat_amount and count else []
    return [_Term(tier.unit_amount, count), *flat]


def _read_tier(row: dict[str, object]) -> Tier:
    up_to = row.get("up_to")
    if up_to is not None and not isinstance(up_to, int):
        raise PriceTermsBroken(f"up_to of a tier is a whole number or null, got {up_to!r}")
    return Tier(up_to, Decimal(str(row.get("unit_amount", "0"))), Decimal(str(row.get("flat_amount", "0"))))


def _require_tiers(tiers: Sequence[Tier]) -> None:
    if not 1 <= len(tiers) <= TIERS_MAX:
        raise PriceTermsBroken(f"takes 1 to {TIERS_MAX} tiers, got {len(tiers)}")
    if tiers[-1].up_to is not None:
        raise PriceTermsBroken("the last tier is open: it has no up_to")
    below = 0
    for tier in tiers[:-1]:
        if tier.up_to is None or tier.up_to <= below:
            raise PriceTermsBroken(f"each tier but the last reaches further than the one before: up_to above {below}")
        below = tier.up_to
    for tier in tiers:
        _require_amount("unit_amount", tier.unit_amount)
        _require_amount("flat_amount", tier.flat_amount)


def _require_amount(name: str, amount: Decimal | None) -> None:
    if amount is None:
        raise PriceTermsBroken(f"{name} is missing")
    if not amount.is_finite() or not 0 <= amount <= UNIT_AMOUNT_MAX:
        raise PriceTermsBroken(f"{name} takes 0 to {UNIT_AMOUNT_MAX} minor units, got {amount}")
    if amount != amount.quantize(_STEP):
        raise PriceTermsBroken(f"{name} takes at most {UNIT_AMOUNT_DECIMALS} decimals of a minor unit, got {amount}")
