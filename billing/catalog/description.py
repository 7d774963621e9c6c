"""Rule: a catalog as values: what a file asks for and what the rows say, in one form, so that they can be compared."""

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple

from billing.catalog.allowance import Allowance
from billing.catalog.price_text import price_text
from billing.catalog.pricing import PriceTerms
from models.coupon import CouponDuration
from models.plan import PlanKind
from models.price import PriceInterval, TaxBehavior


class PriceKey(NamedTuple):
    """What a version has one list price of."""

    currency: str
    interval: PriceInterval
    component: str

    def __str__(self) -> str:
        return f"{self.component} {self.currency} by the {self.interval}"


@dataclass(frozen=True, kw_only=True)
class PriceDescription:
    """What one price says; its currency is that of its terms."""

    terms: PriceTerms
    meter: str | None
    tax_behavior: TaxBehavior

    def text(self, key: PriceKey) -> str:
        """Return the price in one line, for people."""
        said = price_text(self.terms, component=key.component, interval=key.interval, meter=self.meter)
        return said if self.tax_behavior is TaxBehavior.EXCLUSIVE else f"{said}, tax included"


@dataclass(frozen=True, kw_only=True)
class VersionDescription:
    """The terms of a plan. `credits_per_month` is None where they are unlimited, `trial_days` where the installation's count."""

    trial_days: int | None
    credits_per_month: int | None
    credits_roll_over_max: int | None
    prices: dict[PriceKey, PriceDescription] = field(default_factory=dict)
    features: dict[str, Allowance] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class PlanDescription:
    """A plan with the terms of its current version."""

    code: str
    name: str
    description: str
    position: int
    kind: PlanKind
    active: bool
    terms: VersionDescription


@dataclass(frozen=True, kw_only=True)
class CouponDescription:
    """A coupon; the amount is in minor units."""

    code: str
    name: str
    percent_off: Decimal | None
    amount_off_minor: int | None
    currency: str | None
    duration: CouponDuration
    duration_months: int | None
    redemptions_max: int | None
    redeem_by: datetime | None
    active: bool


@dataclass(frozen=True, kw_only=True)
class CatalogDescription:
    """Plans and coupons by their codes."""

    plans: dict[str, PlanDescription]
    coupons: dict[str, CouponDescription]
