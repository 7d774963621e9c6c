"""Rule: what has to change for one catalog to become another, as it is shown before anything is written."""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from billing.catalog.allowance import Allowance
from billing.catalog.description import (
    CatalogDescription,
    CouponDescription,
    PlanDescription,
    VersionDescription,
)
from billing.decimals import plain
from billing.errors import Conflict
from billing.timestamps import iso

NEW = "new"
IN_PLACE = "in place"
NEW_VERSION = "new version"
# What a coupon takes off has been promised to whoever redeemed it.
_FIXED_OF_COUPONS = ("percent_off", "amount_off", "currency", "duration", "duration_months")


class CatalogChangeRefused(Conflict):
    """The file asks to change what stays as it is: whether something is a plan or an add-on, what a coupon takes off."""

    code = "catalog_change_refused"


class Change(NamedTuple):
    """One line of the difference. `before` is None for what is added, `after` for what goes away; `how` says what is written."""

    subject: str
    field: str
    before: str | None
    after: str | None
    how: str


def differences(present: CatalogDescription, wanted: CatalogDescription) -> list[Change]:
    """Return what changes, by plan and coupon in the order of the file; nothing for what the file does not name.

    Raises CatalogChangeRefused.
    """
    changes = list[Change]()
    for code, plan in wanted.plans.items():
        changes += _plan_changes(present.plans.get(code), plan)
    for code, coupon in wanted.coupons.items():
        changes += _coupon_changes(present.coupons.get(code), coupon)
    return changes


def _plan_changes(before: PlanDescription | None, after: PlanDescription) -> Iterator[Change]:
    subject = f"{after.kind} {after.code}"
    if before is not None and before.kind is not after.kind:
        raise CatalogChangeRefused(f"{after.code} is a {before.kind} and stays one; give the {after.kind} another code")
    how, terms = (NEW, None) if before is None else (NEW_VERSION, before.terms)
    yield from _changes(subject, _of_plan(before), _of_plan(after), how=NEW if before is None else IN_PLACE)
    yield from _changes(subject, _of_terms(terms), _of_terms(after.terms), how=how)


def _coupon_changes(before: CouponDescription | None, after: CouponDescription) -> Iterator[Change]:
    subject = f"coupon {after.code}"
    for change in _changes(subject, _of_coupon(before), _of_coupon(after), how=NEW if before is None else IN_PLACE):
        if before is not None and change.field in _FIXED_OF_COUPONS:
            raise CatalogChangeRefused(
                f"{change.field} of the {subject} stays {change.before or 'empty'}; make another code, and end this one"
            )
        yield change


def _changes(subject: str, before: Mapping[str, str], after: Mapping[str, str], *, how: str) -> Iterator[Change]:
    for name in (*after, *(name for name in before if name not in after)):
        if before.get(name) != after.get(name):
            yield Change(subject, name, before.get(name), after.get(name), how)


def _of_plan(plan: PlanDescription | None) -> dict[str, str]:
    if plan is None:
        return {}
    return {
        "name": plan.name,
        "description": plan.description,
        "position": str(plan.position),
        "active": _yes(plan.active),
    }


def _of_terms(terms: VersionDescription | None) -> dict[str, str]:
    if terms is None:
        return {}
    named = {
        "trial_days": None if terms.trial_days is None else str(terms.trial_days),
        "credits_per_month": "unlimited" if terms.credits_per_month is None else str(terms.credits_per_month),
        "credits_roll_over_max": None if terms.credits_roll_over_max is None else str(terms.credits_roll_over_max),
        **{f"price {key}": price.text(key) for key, price in terms.prices.items()},
        **{f"feature {name}": _allowance(held) for name, held in terms.features.items()},
    }
    return {name: said for name, said in named.items() if said is not None}


def _of_coupon(coupon: CouponDescription | None) -> dict[str, str]:
    if coupon is None:
        return {}
    named = {
        "name": coupon.name,
        "percent_off": None if coupon.percent_off is None else plain(coupon.percent_off),
        "amount_off": None if coupon.amount_off_minor is None else str(coupon.amount_off_minor),
        "currency": coupon.currency,
        "duration": str(coupon.duration),
        "duration_months": None if coupon.duration_months is None else str(coupon.duration_months),
        "redemptions_max": None if coupon.redemptions_max is None else str(coupon.redemptions_max),
        "redeem_by": iso(coupon.redeem_by),
        "active": _yes(coupon.active),
    }
    return {name: said for name, said in named.items() if said is not None}


def _allowance(held: Allowance) -> str:
    if held.unlimited:
        return "unlimited"
    return held.value if held.value is not None else str(held.limit)


def _yes(value: bool) -> str:  # noqa: FBT001 - it is the value that is said
    return "yes" if value else "no"
