"""What has to change for one catalog to become another."""

from dataclasses import replace
from decimal import Decimal

import pytest

from billing.catalog.description import CatalogDescription
from billing.catalog.differences import CatalogChangeRefused, Change, differences
from billing.catalog.file import read_catalog

FILE = """
[[plans]]
code = "pro"
name = "Pro"
position = 2
credits_per_month = 1000
[plans.features]
projects = 10
[[plans.prices]]
interval = "month"
currency = "USD"
unit_amount = 2900

[[plans]]
code = "seats"
name = "Seats"
position = 9
kind = "addon"
credits_per_month = 0

[[coupons]]
code = "TEN"
name = "Ten"
percent_off = 10
"""
PRESENT = read_catalog(FILE)
NOTHING = CatalogDescription(plans={}, coupons={})


def changed(old: str, new: str) -> list[Change]:
    assert old in FILE
    return differences(PRESENT, read_catalog(FILE.replace(old, new)))


def test_nothing_changes_where_nothing_differs() -> None:
    assert differences(PRESENT, PRESENT) == []


def test_what_the_file_does_not_name_stays() -> None:
    assert differences(PRESENT, NOTHING) == []


@pytest.mark.parametrize(
    ("old", "new", "change"),
    [
        ('"Pro"', '"Professional"', ("plan pro", "name", "Pro", "Professional", "in place")),
        ("position = 2", "position = 3", ("plan pro", "position", "2", "3", "in place")),
        ("position = 9", "position = 9\nactive = false", ("addon seats", "active", "yes", "no", "in place")),
        ("2900", "3900", (
            "plan pro", "price base USD by the month", "29.00 USD a month", "39.00 USD a month", "new version",
        )),
        ("2900", '2900\ntax_behavior = "inclusive"', (
            "plan pro", "price base USD by the month", "29.00 USD a month", "29.00 USD a month, tax included", "new version",
        )),
        ("projects = 10", "projects = 20", ("plan pro", "feature projects", "10", "20", "new version")),
        ("projects = 10", "", ("plan pro", "feature projects", "10", None, "new version")),
        ("projects = 10", "projects = 10\nusers = 0", ("plan pro", "feature users", None, "0", "new version")),
        ("1000", "1000\ntrial_days = 7", ("plan pro", "trial_days", None, "7", "new version")),
        ("1000", "2000", ("plan pro", "credits_per_month", "1000", "2000", "new version")),
        ('"Ten"', '"Ten off"', ("coupon TEN", "name", "Ten", "Ten off", "in place")),
        ("percent_off = 10", "percent_off = 10\nredemptions_max = 5", (
            "coupon TEN", "redemptions_max", None, "5", "in place",
        )),
    ],
)  # fmt: skip
def test_each_field_is_a_line(old: str, new: str, change: tuple[str, ...]) -> None:
    assert changed(old, new) == [change]


def test_everything_of_what_is_new_is_shown() -> None:
    found = differences(NOTHING, PRESENT)

    assert {change.how for change in found} == {"new"}
    assert {change.before for change in found} == {None}
    assert ("plan pro", "price base USD by the month", None, "29.00 USD a month", "new") in found


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('kind = "addon"', ""),
        ("percent_off = 10", "percent_off = 20"),
        ("percent_off = 10", 'amount_off = 10\ncurrency = "USD"'),
        ("percent_off = 10", 'percent_off = 10\nduration = "forever"'),
    ],
)
def test_what_stays_as_it_is_is_refused(old: str, new: str) -> None:
    with pytest.raises(CatalogChangeRefused, match="stays"):
        changed(old, new)


def test_how_a_number_is_written_is_no_difference() -> None:
    coupon = PRESENT.coupons["TEN"]
    same = replace(PRESENT, coupons={"TEN": replace(coupon, percent_off=Decimal("10.00"))})

    assert differences(PRESENT, same) == []
