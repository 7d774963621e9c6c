"""Rules about currencies: which there are, their decimals, and the smallest and largest amount of each."""

import tomllib
from importlib import resources

from sandbox.wire.errors import invalid_request

_LARGEST_AMOUNT = 99_999_999

_DATA = tomllib.loads(resources.files("sandbox").joinpath("currencies.toml").read_text("utf-8"))
_CODES: tuple[str, ...] = tuple(_DATA["codes"].split())
_ZERO_DECIMAL = frozenset(_DATA["zero_decimal"].split())
_THREE_DECIMAL = frozenset(_DATA["three_decimal"].split())


def read_currency(code: str, /) -> str:
    """Return the currency's code in lower case. Raises ApiError for one that is not supported."""
    lower = code.lower()
    if lower not in _CODES:
        raise invalid_request(
            message=f"Invalid currency: {lower}. Stripe currently supports these currencies: {', '.join(_CODES)}",
            param="currency",
        )
    return lower


def check_amount(*, amount: int, currency: str) -> None:
    """Raise ApiError when an amount to charge is too small, too large or not a whole step of its currency."""
    minimum = _DATA["minimum"].get(currency, _DATA["minimum"]["default"])
    if amount < minimum:
        raise invalid_request(
            message=f"Amount must be at least {format_amount(amount=minimum, currency=currency)} {currency}",
            param="amount",
            code="amount_too_small",
        )
    if amount > _LARGEST_AMOUNT:
        raise invalid_request(
            message=f"Amount must be no more than {format_amount(amount=_LARGEST_AMOUNT, currency=currency)}",
            param="amount",
            code="amount_too_large",
        )
    if currency in _THREE_DECIMAL and amount % 10:
        raise invalid_request(
            message=f"Invalid amount: {amount}. Amounts in {currency.upper()} must be divisible by 10, because card "
            "networks carry only two of its three decimals.",
            param="amount",
            code="parameter_invalid_integer",
        )


def decimals(currency: str, /) -> int:
    """Return how many decimals an amount in the currency has when people read it."""
    if currency in _ZERO_DECIMAL:
        return 0
    return 3 if currency in _THREE_DECIMAL else 2


def format_amount(*, amount: int, currency: str) -> str:
    """Return an amount as Stripe's messages write it: `$0.50`, `¥50`, `1.500` where there is no symbol."""
    places = decimals(currency)
    whole, part = divmod(amount, 10**places)
    digits = f"{whole:,}.{part:0{places}d}" if places else f"{whole:,}"
    return f"{_DATA['symbols'].get(currency, '')}{digits}"
