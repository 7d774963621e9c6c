"""Rule: how a price is said in one line, for people."""

from collections.abc import Iterator

from billing.catalog.pricing import PriceTerms, in_major_units
from models.money import minor_unit_exponent
from models.price import BASE_COMPONENT, PriceInterval, PriceScheme


def price_text(terms: PriceTerms, *, component: str, interval: PriceInterval, meter: str | None) -> str:
    """Return a price as a sentence's part: `29.00 USD a month`, `seats 9.00 USD each a year`, `5.00 USD for each 100 …`."""
    what = "" if component == BASE_COMPONENT else f"{component} "
    of_usage = f" of {meter}" if meter else ""
    return f"{what}{_amounts(terms)}{of_usage} a {interval}"


def _amounts(terms: PriceTerms) -> str:
    exponent = minor_unit_exponent(terms.currency)
    one = "" if terms.unit_amount is None else f"{in_major_units(terms.unit_amount, exponent)} {terms.currency}"
    match terms.scheme:
        case PriceScheme.FLAT:
            return one
        case PriceScheme.PER_UNIT:
            return f"{one} each"
        case PriceScheme.PACKAGE:
            return f"{one} for each {terms.package_size}"
        case PriceScheme.GRADUATED | PriceScheme.VOLUME:
            return f"{terms.scheme} {', '.join(_tiers(terms, exponent))} {terms.currency}"


def _tiers(terms: PriceTerms, exponent: int) -> Iterator[str]:
    for tier in terms.tiers:
        flat = f" and {in_major_units(tier.flat_amount, exponent)}" if tier.flat_amount else ""
        reach = "above" if tier.up_to is None else f"up to {tier.up_to}"
        yield f"{in_major_units(tier.unit_amount, exponent)} each{flat} {reach}"
