"""Rule: how a credit note is parted over the lines and taxes of its invoice, so that the parts always sum to the whole.

A note is parted by what the invoice is, and never by the notes before it: each tax follows the invoice's own rate. Its rounding
is carried from note to note, so that each part is within one minor unit of its exact share, and the note that takes the last of
an invoice takes what is left of each line and each tax: all notes together are the invoice, to the minor unit.
"""

from collections.abc import Mapping, Sequence
from fractions import Fraction
from math import ceil, floor
from typing import NamedTuple

from models.money import round_half_away_from_zero, split_by_largest_remainder


class Shares(NamedTuple):
    """Minor units of each line (net) and of each tax, in the invoice's order."""

    lines: tuple[int, ...]
    taxes: tuple[int, ...]

    @property
    def net(self) -> int:
        """The lines together."""
        return sum(self.lines)

    @property
    def total(self) -> int:
        """Lines and taxes together."""
        return self.net + sum(self.taxes)


def part_by_amount(whole: Shares, left: Shares, *, gross: int) -> Shares:
    """Return the parts of a note of `gross` minor units, of which no more than `left.total` are left of the invoice.

    Of 12000 that are lines of 6000 and 4000 and a tax of 2000, a note of 1200 is 600, 400 and 200.
    """
    if gross == left.total:
        return left
    taxes = _taxes(
        whole, left, of_note=Fraction(gross, whole.total), after=Fraction(_done(whole, left) + gross, whole.total)
    )
    taxes = _no_more_than(gross, taxes)
    short = (
        gross - sum(taxes) - left.net
    )  # a minor unit of tax that rounding had left out, where the lines have none left
    for index, each in enumerate(left.taxes):
        added = min(max(short, 0), each - taxes[index])
        taxes[index] += added
        short -= added
    return Shares(_lines(left.lines, net=gross - sum(taxes)), tuple(taxes))


def part_by_lines(whole: Shares, left: Shares, *, nets: Mapping[int, int]) -> Shares:
    """Return the parts of a note that takes back `nets` (index of the line: minor units, net), and the tax that belongs to it.

    No more than `left` has of each line, and of all of them together.
    """
    lines = tuple(nets.get(index, 0) for index in range(len(whole.lines)))
    net = sum(lines)
    if net == left.net:
        return Shares(lines, left.taxes)
    after = Fraction(whole.net - left.net + net, whole.net)
    return Shares(lines, tuple(_taxes(whole, left, of_note=Fraction(net, whole.net), after=after)))


def taxable_of(taxable: int, *, whole: int, before: int, net: int) -> int:
    """Return what of a tax's `taxable` amount a note of `net` takes back, where `before` of `whole` were taken back before.

    Adds up to `taxable` once all of `whole` is taken back.
    """
    if not whole:
        return 0
    return _rounded(taxable, Fraction(before + net, whole)) - _rounded(taxable, Fraction(before, whole))


def _done(whole: Shares, left: Shares) -> int:
    return whole.total - left.total


def _taxes(whole: Shares, left: Shares, *, of_note: Fraction, after: Fraction) -> list[int]:
    """Return each tax's part: what brings it to its share `after` the note, within a unit of its share `of_note`."""
    parts = []
    for tax, tax_left in zip(whole.taxes, left.taxes, strict=True):
        exact = tax * of_note
        wanted = _rounded(tax, after) - (tax - tax_left)
        parts.append(min(max(wanted, floor(exact), min(tax_left, 0)), ceil(exact), max(tax_left, 0)))
    return parts


def _no_more_than(gross: int, taxes: Sequence[int]) -> list[int]:
    """Leave no more to the taxes than there is: a note of 1 is of one tax at most."""
    kept: list[int] = []
    for tax in taxes:
        kept.append(min(tax, gross - sum(kept)))
    return kept


def _lines(left: Sequence[int], *, net: int) -> tuple[int, ...]:
    """Split `net` over lines in proportion to what is left of each; a negative line is taken back as a negative part."""
    given, taken = [max(each, 0) for each in left], [max(-each, 0) for each in left]
    if not net:
        return tuple(0 for _ in left)
    of_given = round_half_away_from_zero(Fraction(net * sum(given), sum(left)))
    parts = split_by_largest_remainder(of_given, given)
    if any(taken):
        back = split_by_largest_remainder(of_given - net, taken)
        parts = [part - less for part, less in zip(parts, back, strict=True)]
    return tuple(parts)


def _rounded(amount: int, share: Fraction) -> int:
    return round_half_away_from_zero(amount * share)
