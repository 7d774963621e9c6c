"""Rule: how an exact number is written for people and programs; never by way of a float."""

from decimal import Decimal
from fractions import Fraction

from models.money import minor_unit_exponent


def plain(number: Decimal) -> str:
    """Return the shortest text of a decimal, without an exponent: `12.5`, `2900`."""
    text = f"{number:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def in_main_unit(amount_minor: int, *, currency: str) -> str:
    """Return an amount as formulas show it, in the currency's main unit: 9900 USD is `99.00`, 500 JPY `500`."""
    return f"{Decimal(amount_minor).scaleb(-minor_unit_exponent(currency)):f}"


def plain_fraction(number: Fraction) -> str:
    """Return the shortest text of a fraction that is not negative: `3`, `2.5`, and `1/3` where no decimal says it."""
    rest, places = number.denominator, 0
    for prime in (2, 5):
        power = 0
        while rest % prime == 0:
            rest //= prime
            power += 1
        places = max(places, power)
    if rest != 1:
        return str(number)
    whole, decimals = divmod(number.numerator * 10**places // number.denominator, 10**places)
    return f"{whole}.{decimals:0{places}d}" if places else str(whole)
