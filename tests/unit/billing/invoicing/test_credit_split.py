"""How credit notes are parted: parts always sum to the whole, and each is within a minor unit of its share."""

from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from billing.invoicing.credit_split import Shares, part_by_amount, part_by_lines, taxable_of

AMOUNTS = st.lists(st.integers(0, 50_000), min_size=1, max_size=5)
# Whether a note is of a line, of which, and how large it is; the last two are taken modulo what there is.
NOTES = st.lists(st.tuples(st.booleans(), st.integers(0, 5), st.integers(0, 10**6)), max_size=8)
RATES = st.lists(st.sampled_from(["0.05", "0.077", "0.19", "0.20", "0.25"]), max_size=2)


def whole_of(lines: list[int], rates: list[str]) -> Shares:
    net = sum(lines)
    return Shares(tuple(lines), tuple(round(net * Fraction(rate)) for rate in rates))


def less(left: Shares, part: Shares) -> Shares:
    return Shares(
        tuple(a - b for a, b in zip(left.lines, part.lines, strict=True)),
        tuple(a - b for a, b in zip(left.taxes, part.taxes, strict=True)),
    )


def test_a_tenth_of_an_invoice_is_a_tenth_of_each_line_and_of_its_tax() -> None:
    whole = Shares((6000, 4000), (2000,))

    assert part_by_amount(whole, whole, gross=1200) == Shares((600, 400), (200,))


def test_a_line_brings_its_tax_with_it() -> None:
    whole = Shares((6000, 4000), (2000,))

    assert part_by_lines(whole, whole, nets={1: 1000}) == Shares((0, 1000), (200,))


def test_a_negative_line_is_taken_back_as_a_negative_part() -> None:
    whole = Shares((10_000, -4000), (1200,))

    assert part_by_amount(whole, whole, gross=3600) == Shares((5000, -2000), (600,))
    assert part_by_amount(whole, Shares((4000, -4000), (1,)), gross=1) == Shares((4000, -4000), (1,))


@given(lines=AMOUNTS, negative=st.integers(0, 20_000), rates=RATES, notes=NOTES)
def test_random_notes_that_exhaust_an_invoice_are_the_invoice_and_each_tax_is_within_a_minor_unit(
    lines: list[int], negative: int, rates: list[str], notes: list[tuple[bool, int, int]]
) -> None:
    lines = [*lines, -min(negative, sum(lines))]
    whole = whole_of(lines, rates)
    left = whole
    for of_a_line, lot, size in notes:
        if left.total <= 0:
            break
        payable = [index for index, each in enumerate(left.lines) if each > 0 and left.net > 0]
        if payable and of_a_line:
            index = payable[lot % len(payable)]
            net = 1 + size % min(left.lines[index], left.net)
            part, share = part_by_lines(whole, left, nets={index: net}), Fraction(net, whole.net)
            assert part.net == net
        else:
            gross = 1 + size % left.total
            part, share = part_by_amount(whole, left, gross=gross), Fraction(gross, whole.total)
            assert part.total == gross
        for tax, tax_part in zip(whole.taxes, part.taxes, strict=True):
            assert abs(tax_part - tax * share) <= 1
        for each, line_left in zip(part.lines, left.lines, strict=True):
            assert abs(each) <= abs(line_left)
            assert each * line_left >= 0
        assert part.net >= 0
        left = less(left, part)
        assert left.net >= 0
        assert all(tax_left >= 0 for tax_left in left.taxes)
    if left.total > 0:
        left = less(left, part_by_amount(whole, left, gross=left.total))
    assert left.total == 0
    assert not any(left.taxes)


@given(taxable=st.integers(0, 10**6), parts=st.lists(st.integers(1, 10**5), min_size=1, max_size=6))
def test_taxable_parts_add_up_to_the_taxable_amount(taxable: int, parts: list[int]) -> None:
    whole, before, added = sum(parts), 0, 0
    for net in parts:
        added += taxable_of(taxable, whole=whole, before=before, net=net)
        before += net

    assert added == taxable
    assert taxable_of(100, whole=0, before=0, net=0) == 0
