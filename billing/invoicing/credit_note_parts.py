"""Rule: what is asked to be taken back of an invoice, checked against what is left, and how each part came about."""

from collections.abc import Sequence
from typing import NamedTuple, Self

from billing.decimals import in_main_unit
from billing.errors import FieldFault, Invalid
from billing.invoicing.credit_note_find import Creditable
from billing.invoicing.credit_split import Shares, part_by_amount, part_by_lines
from billing.invoicing.issue import Parts
from billing.invoicing.prefixes import line_id


class CreditNoteTooLarge(Invalid):
    """More is to be taken back than is left of the invoice, of a line, or of what was paid."""

    code = "credit_note_too_large"

    @classmethod
    def at(cls, pointer: str, detail: str) -> Self:
        """Return the problem of the part of the request that `pointer` names."""
        return cls(detail, errors=[FieldFault(pointer, "too_large", detail)])


class LineNotCreditable(Invalid):
    """A line is named twice, or is none of this invoice's."""

    code = "line_not_creditable"


class LineCredit(NamedTuple):
    """So much of one line, net; with the sign of the line. Without a formula it is the amount itself."""

    line_id: str
    amount_minor: int
    formula: str | None = None


class CreditWish(NamedTuple):
    """Either a gross amount, or lines."""

    amount_minor: int | None = None
    lines: Sequence[LineCredit] = ()


class Parted(NamedTuple):
    """What is taken back of each line and tax, and by which formula of each line."""

    shares: Shares
    formulas: tuple[str, ...]


def part(parts: Parts, room: Creditable, wish: CreditWish) -> Parted:
    """Return the parts of a credit note. Raises CreditNoteTooLarge and LineNotCreditable, with pointers."""
    if wish.amount_minor is not None:
        return _by_amount(parts, room, gross=wish.amount_minor)
    return _by_lines(parts, room, wish.lines)


def _by_amount(parts: Parts, room: Creditable, *, gross: int) -> Parted:
    currency, left = parts.invoice.currency, room.left
    if gross > left.total:
        raise CreditNoteTooLarge.at(
            "/amount", f"{left.total} {currency} minor units are left of the invoice, {gross} are to be taken back"
        )
    shares = part_by_amount(room.whole, left, gross=gross)
    nets = [in_main_unit(line, currency=currency) for line in room.whole.lines]
    if gross < left.total:
        share = f"{in_main_unit(gross, currency=currency)}/{in_main_unit(room.whole.total, currency=currency)} × "
    else:
        share = "" if left == room.whole else "the rest of "
    return Parted(shares, tuple(f"{share}{net}" for net in nets))


def _by_lines(parts: Parts, room: Creditable, lines: Sequence[LineCredit]) -> Parted:
    currency = parts.invoice.currency
    index_of = {line_id(line.invoice_id, line.position): index for index, line in enumerate(parts.lines)}
    nets: dict[int, int] = {}
    formulas = [""] * len(parts.lines)
    for number, wanted in enumerate(lines):
        index = index_of.get(wanted.line_id)
        if index is None or index in nets:
            detail = f"{wanted.line_id!r} is {'named twice' if index is not None else 'no line of this invoice'}"
            raise LineNotCreditable(detail, errors=[FieldFault(f"/lines/{number}/line_id", "not_creditable", detail)])
        left = room.left.lines[index]
        if not min(left, 0) <= wanted.amount_minor <= max(left, 0):
            raise CreditNoteTooLarge.at(
                f"/lines/{number}/amount",
                f"{left} {currency} minor units are left of {wanted.line_id}, {wanted.amount_minor} are to be taken back",
            )
        nets[index] = wanted.amount_minor
        formulas[index] = wanted.formula or in_main_unit(wanted.amount_minor, currency=currency)
    net = sum(nets.values())
    if not 0 < net <= room.left.net:
        raise CreditNoteTooLarge.at(
            "/lines", f"{room.left.net} {currency} minor units are left of all lines, {net} are to be taken back"
        )
    return Parted(part_by_lines(room.whole, room.left, nets=nets), tuple(formulas))
