"""Rule: recognise a card number in a text, so that it can be refused before anything is logged or stored.

A card number is an isolated run of digits, with single spaces or hyphens allowed between them, that has a brand's prefix and
length and a valid Luhn sum. The sum alone is not enough: one 13-digit millisecond timestamp in ten passes it.
"""

import re
from collections.abc import Iterator

_RUN = re.compile(r"(?<![0-9A-Za-z_])\d(?:[ \-]?\d){11,18}(?![0-9A-Za-z_])")
_DIGITS = re.compile(r"\d")

# Prefix ranges (inclusive) and lengths of the brands, from ISO/IEC 7812 issuer ranges as the networks publish them.
_BRANDS: tuple[tuple[int, int, frozenset[int]], ...] = (
    (4, 4, frozenset({13, 16, 19})),  # Visa
    (51, 55, frozenset({16})),  # Mastercard
    (2221, 2720, frozenset({16})),  # Mastercard, second range
    (34, 34, frozenset({15})),  # American Express
    (37, 37, frozenset({15})),
    (300, 305, frozenset({14, 16, 17, 18, 19})),  # Diners Club
    (3095, 3095, frozenset({14, 16, 17, 18, 19})),
    (36, 36, frozenset({14, 15, 16, 17, 18, 19})),
    (38, 39, frozenset({14, 16, 17, 18, 19})),
    (6011, 6011, frozenset({16, 17, 18, 19})),  # Discover
    (644, 649, frozenset({16, 17, 18, 19})),
    (65, 65, frozenset({16, 17, 18, 19})),
    (3528, 3589, frozenset({16, 17, 18, 19})),  # JCB
    (62, 62, frozenset({16, 17, 18, 19})),  # UnionPay
    (81, 81, frozenset({16, 17, 18, 19})),
    (50, 50, frozenset(range(12, 20))),  # Maestro
    (56, 58, frozenset(range(12, 20))),
    (6304, 6304, frozenset(range(12, 20))),
    (67, 67, frozenset(range(12, 20))),
)


def contains_card_number(text: str) -> bool:
    """Return whether `text` holds a card number."""
    return next(_card_numbers(text), None) is not None


def replace_card_numbers(text: str, *, replacement: str) -> str:
    """Return `text` with each card number replaced."""
    for found in reversed(list(_card_numbers(text))):
        text = text[: found.start()] + replacement + text[found.end() :]
    return text


def _card_numbers(text: str) -> Iterator[re.Match[str]]:
    return (match for match in _RUN.finditer(text) if _is_card_number("".join(_DIGITS.findall(match.group()))))


def _is_card_number(digits: str) -> bool:
    return _has_brand(digits) and _luhn_sum_is_valid(digits)


def _has_brand(digits: str) -> bool:
    return any(
        first <= int(digits[: len(str(first))]) <= last and len(digits) in lengths for first, last, lengths in _BRANDS
    )


def _luhn_sum_is_valid(digits: str) -> bool:
    total = 0
    for index, digit in enumerate(reversed(digits)):
        doubled = int(digit) * (1 + index % 2)
        total += doubled - 9 if doubled > 9 else doubled
    return total % 10 == 0
