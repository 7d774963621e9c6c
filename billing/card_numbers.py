"""Rule: recognise a card number in a text, so that it can be refused before anything is logged or stored.

A card number is an isolated run of digits, with single spaces or hyphens allowed between them, that has a brand's prefix and
length and a valid Luhn sum. The sum alone is not enough: one 13-digit millisecond timestamp in ten passes it.
A run is read as its groups ("4242 4242 4242 4242 12 28" has six), and any neighbouring groups that make up a card number are
one: an expiry date, or another number, written behind a card number does not hide it.
What stands inside a UUID that has letters is a part of it, and no number by itself: of ten thousand random ones one passes all
of the above, and callers send them by the hundred.
"""

import re
from collections.abc import Iterator, Sequence
from itertools import accumulate
from typing import NamedTuple

_RUN = re.compile(r"(?<![\dA-Za-z_])\d+(?:[ \-]\d+)*(?![\dA-Za-z_])")
_GROUP = re.compile(r"\d+")
_UUID = re.compile(r"(?<![\w\-])[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}(?![\w\-])", re.IGNORECASE)
_UUID_LENGTH = 36
_LENGTH_MIN = 12
_PREFIX_LENGTH = 4

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


class _Span(NamedTuple):
    start: int
    end: int


def contains_card_number(text: str) -> bool:
    """Return whether `text` holds a card number."""
    return len(text) >= _LENGTH_MIN and next(_card_numbers(text), None) is not None


def replace_card_numbers(text: str, *, replacement: str) -> str:
    """Return `text` with each card number replaced; numbers that overlap are replaced as one."""
    kept: list[str] = []
    done = 0
    for start, end in _merged(_card_numbers(text)):
        kept += (text[done:start], replacement)
        done = end
    return "".join((*kept, text[done:]))


def _card_numbers(text: str) -> Iterator[_Span]:
    """Yield where card numbers stand, by where they start. Takes time in proportion to the text, whatever it holds."""
    for run in _RUN.finditer(text):
        if run.end() - run.start() >= _LENGTH_MIN:
            groups = [_Span(*group.span()) for group in _GROUP.finditer(text, *run.span())]
            yield from (span for span in _in_run(text, groups) if not _is_in_uuid(text, span))


def _is_in_uuid(text: str, span: _Span) -> bool:
    around = _UUID.search(text, max(0, span.end - _UUID_LENGTH))
    return around is not None and around.start() <= span.start and not around[0].replace("-", "").isdigit()


def _in_run(text: str, groups: Sequence[_Span]) -> Iterator[_Span]:
    digits = [int(digit) for group in groups for digit in text[group.start : group.end]]
    starts = list(accumulate((group.end - group.start for group in groups), initial=0))
    # Where a group ends in `digits` → where it ends in the text.
    ends = {end: group.end for end, group in zip(starts[1:], groups, strict=True)}
    sums = (_luhn_sums(digits, doubled=0), _luhn_sums(digits, doubled=1))
    for start, group in zip(starts, groups, strict=False):
        for length in _lengths_of(digits[start : start + _PREFIX_LENGTH]):
            end = start + length
            # The last digit counts once, the one before it twice, and so on.
            sum_to = sums[end % 2]
            if end in ends and (sum_to[end] - sum_to[start]) % 10 == 0:
                yield _Span(group.start, ends[end])


def _merged(spans: Iterator[_Span]) -> list[_Span]:
    merged: list[_Span] = []
    for span in spans:
        if merged and span.start < merged[-1].end:
            merged[-1] = _Span(merged[-1].start, max(merged[-1].end, span.end))
        else:
            merged.append(span)
    return merged


def _luhn_sums(digits: Sequence[int], *, doubled: int) -> list[int]:
    """Return the Luhn sums of the first 0, 1, 2 … digits, with those at even (0) or odd (1) places doubled."""
    counted = (digit if place % 2 != doubled else digit * 2 - 9 * (digit > 4) for place, digit in enumerate(digits))
    return list(accumulate(counted, initial=0))


def _lengths_by_prefix() -> list[tuple[int, ...]]:
    """Return, for each of the 10,000 first four digits, the lengths that a card number with them may have."""
    table: list[tuple[int, ...]] = [()] * 10**_PREFIX_LENGTH
    for first, last, lengths in _BRANDS:
        scale = 10 ** (_PREFIX_LENGTH - len(str(first)))
        table[first * scale : (last + 1) * scale] = [tuple(sorted(lengths))] * ((last + 1 - first) * scale)
    return table


_LENGTHS = _lengths_by_prefix()


def _lengths_of(prefix: Sequence[int]) -> tuple[int, ...]:
    if len(prefix) < _PREFIX_LENGTH:
        return ()
    thousands, hundreds, tens, ones = prefix
    return _LENGTHS[thousands * 1000 + hundreds * 100 + tens * 10 + ones]
