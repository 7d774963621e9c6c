"""Rule: which amounts the gateway can charge exactly.

Source: Stripe's documentation, "Supported currencies": ISK and UGX are given in hundredths, MGA in whole units, three-decimal
currencies must end in 0, one charge has at most eight digits (IDR twelve), and no less than the amounts of "Minimum and
maximum charge amounts".
"""

from billing.errors import FieldFault, Invalid
from models.money import Money, UnknownCurrency, minor_unit_exponent

_AMOUNT_MINOR_MAX = 99_999_999
_AMOUNT_MINOR_MAX_OF = {"IDR": 999_999_999_999}
# Stripe counts these by another minor unit than ISO 4217 does, so that the amount would be charged wrong by a factor of 100.
_OTHER_MINOR_UNIT = frozenset({"ISK", "MGA", "UGX"})
_UNSUPPORTED = frozenset(
    {"CLF", "CUP", "IQD", "IRR", "KPW", "LYD", "SDG", "SSP", "SYP", "UYI", "UYW", "VED", "XUA", "ZWG"}
)

_SMALLEST = {
    "USD": 50, "AED": 200, "AUD": 50, "BGN": 100, "BRL": 50, "CAD": 50, "CHF": 50, "CZK": 1_500, "DKK": 250, "EUR": 50,
    "GBP": 30, "HKD": 400, "HUF": 17_500, "INR": 50, "JPY": 50, "MXN": 1_000, "MYR": 200, "NOK": 300, "NZD": 50, "PLN": 200,
    "RON": 200, "SEK": 300, "SGD": 50, "THB": 1_000,
}  # fmt: skip


class AmountNotChargeable(Invalid):
    """The gateway cannot charge exactly this amount in this currency."""

    code = "amount_not_chargeable"


def require_chargeable(*, amount_minor: int, currency: str) -> Money:
    """Return the amount as Money.

    Raises AmountNotChargeable, with pointers, for an unknown currency, one that the gateway cannot charge, and an amount
    that is not positive, too large, or would be rounded there.
    """
    try:
        exponent = minor_unit_exponent(currency)
    except UnknownCurrency as error:
        raise _refusal("/currency", "unknown_currency", str(error)) from None
    if currency in _UNSUPPORTED or currency in _OTHER_MINOR_UNIT or exponent > 3:
        raise _refusal("/currency", "unsupported_currency", f"{currency} cannot be charged exactly at the gateway")
    limit = _AMOUNT_MINOR_MAX_OF.get(currency, _AMOUNT_MINOR_MAX)
    if not 0 < amount_minor <= limit:
        raise _refusal(
            "/amount", "amount_out_of_range", f"takes 1 to {limit} minor units of {currency}, got {amount_minor}"
        )
    if exponent == 3 and amount_minor % 10:
        raise _refusal(
            "/amount",
            "amount_not_divisible",
            f"{currency} has three decimals, of which the gateway takes two: the last is 0",
        )
    return Money(amount_minor, currency)


def chargeable_part(*, amount_minor: int, currency: str) -> int:
    """Return the greatest part of an amount, in minor units, that the gateway charges exactly: 0 below its smallest charge.

    0.49 USD is 0; 12.345 KWD is 12.340 KWD; what is 0 or less stays so.
    """
    part = amount_minor - amount_minor % 10 if minor_unit_exponent(currency) == 3 else amount_minor
    return 0 if 0 < part < _SMALLEST.get(currency, 1) else part


def _refusal(pointer: str, code: str, detail: str) -> AmountNotChargeable:
    return AmountNotChargeable(detail, errors=[FieldFault(pointer, code, detail)])
