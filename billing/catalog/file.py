"""Rule: reading a catalog file. All that is wrong with it is said at once, by plan and field."""

import tomllib
from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
    model_validator,
)

from billing.catalog.allowance import Allowance
from billing.catalog.description import (
    CatalogDescription,
    CouponDescription,
    PlanDescription,
    PriceDescription,
    PriceKey,
    VersionDescription,
)
from billing.catalog.discount import DiscountTerms
from billing.catalog.features import FeatureKind, FeatureNotFound, feature_named
from billing.catalog.pricing import PriceTerms, Tier
from billing.errors import FieldFault, Invalid
from models.coupon import COUPON_CODE_PATTERN, CouponDuration
from models.money import minor_unit_exponent
from models.plan import LIMIT_VALUE_MAX, PLAN_CODE_PATTERN, PlanKind
from models.price import BASE_COMPONENT, COMPONENT_PATTERN, PriceInterval, PriceScheme, TaxBehavior

UNLIMITED = "unlimited"
_SAID_BY_PYDANTIC = "Value error, "


class CatalogFileInvalid(Invalid):
    """The catalog file cannot be read, or asks for what cannot be. Nothing was changed."""

    code = "catalog_file_invalid"


def read_catalog(text: str) -> CatalogDescription:
    """Return what a catalog file asks for. Raises CatalogFileInvalid, with a fault for each field that is wrong."""
    try:
        found = tomllib.loads(text, parse_float=Decimal)
    except tomllib.TOMLDecodeError as error:
        raise CatalogFileInvalid(f"this is no TOML: {error}") from error
    try:
        return _Catalog.model_validate(found).described()
    except ValidationError as error:
        faults = [_fault(found, one["loc"], one["type"], one["msg"]) for one in error.errors()]
        raise CatalogFileInvalid("; ".join(fault.detail for fault in faults), errors=faults) from error


def _exact(value: object) -> object:
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        raise ValueError("takes a number, such as 2900 or 0.25")  # noqa: TRY004 - pydantic reports ValueErrors
    return Decimal(value)


def _currency(value: str) -> str:
    minor_unit_exponent(value)
    return value


Amount = Annotated[Decimal, BeforeValidator(_exact)]
Currency = Annotated[str, StringConstraints(pattern="^[A-Z]{3}$"), AfterValidator(_currency)]
Text = Annotated[str, StringConstraints(min_length=1, max_length=500)]
# What a BIGINT of credits or uses may be.
Count = Annotated[int, Field(ge=0, le=LIMIT_VALUE_MAX)]
Positive = Annotated[int, Field(ge=1, le=LIMIT_VALUE_MAX)]


class _Part(BaseModel):
    """A table of the file: exact types, nothing unknown."""

    model_config = ConfigDict(extra="forbid", strict=True, hide_input_in_errors=True)


class _Tier(_Part):
    up_to: Positive | None = None
    unit_amount: Amount = Decimal(0)
    flat_amount: Amount = Decimal(0)


class _Price(_Part):
    component: Annotated[str, StringConstraints(pattern=COMPONENT_PATTERN)] = BASE_COMPONENT
    interval: Annotated[PriceInterval, Field(strict=False)]
    currency: Currency
    scheme: Annotated[PriceScheme, Field(strict=False)] = PriceScheme.FLAT
    unit_amount: Amount | None = None
    package_size: Positive | None = None
    tiers: list[_Tier] = Field(default_factory=list)
    meter: Text | None = None
    tax_behavior: Annotated[TaxBehavior, Field(strict=False)] = TaxBehavior.EXCLUSIVE

    @model_validator(mode="after")
    def _fits_its_scheme(self) -> "_Price":
        self.described()
        if self.meter is not None and self.scheme is PriceScheme.FLAT:
            raise ValueError("a flat price knows no quantity, so it has no meter")
        return self

    @property
    def key(self) -> PriceKey:
        return PriceKey(self.currency, self.interval, self.component)

    def described(self) -> PriceDescription:
        terms = PriceTerms(
            scheme=self.scheme,
            currency=self.currency,
            unit_amount=self.unit_amount,
            package_size=self.package_size,
            tiers=tuple(Tier(tier.up_to, tier.unit_amount, tier.flat_amount) for tier in self.tiers),
        )
        return PriceDescription(terms=terms, meter=self.meter, tax_behavior=self.tax_behavior)


class _Plan(_Part):
    code: Annotated[str, StringConstraints(pattern=PLAN_CODE_PATTERN)]
    name: Text
    description: Annotated[str, StringConstraints(max_length=500)] = ""
    position: Count
    kind: Annotated[PlanKind, Field(strict=False)] = PlanKind.PLAN
    active: bool = True
    trial_days: Count | None = None
    credits_per_month: Count | None = None
    credits_unlimited: bool = False
    credits_roll_over_max: Positive | None = None
    features: dict[str, int | str] = Field(default_factory=dict)
    prices: list[_Price] = Field(default_factory=list)

    @model_validator(mode="after")
    def _says_each_thing_once(self) -> "_Plan":
        if self.credits_unlimited == (self.credits_per_month is not None):
            raise ValueError("takes credits_per_month, or credits_unlimited = true: one of the two")
        if self.credits_unlimited and self.credits_roll_over_max is not None:
            raise ValueError("credits_roll_over_max is of credits that are counted, and these are unlimited")
        _require_once("price", (str(price.key) for price in self.prices))
        self.described()
        return self

    def described(self) -> PlanDescription:
        return PlanDescription(
            code=self.code,
            name=self.name,
            description=self.description,
            position=self.position,
            kind=self.kind,
            active=self.active,
            terms=VersionDescription(
                trial_days=self.trial_days,
                credits_per_month=self.credits_per_month,
                credits_roll_over_max=self.credits_roll_over_max,
                prices={price.key: price.described() for price in self.prices},
                features={name: _allowed(name, value) for name, value in self.features.items()},
            ),
        )


class _Coupon(_Part):
    code: Annotated[str, StringConstraints(pattern=COUPON_CODE_PATTERN)]
    name: Text
    percent_off: Annotated[Decimal, BeforeValidator(_exact), Field(gt=0, le=100, decimal_places=2)] | None = None
    amount_off: Positive | None = None
    currency: Currency | None = None
    duration: Annotated[CouponDuration, Field(strict=False)] = CouponDuration.ONCE
    duration_months: Annotated[int, Field(ge=1, le=1_200)] | None = None
    redemptions_max: Positive | None = None
    redeem_by: AwareDatetime | None = None
    active: bool = True

    @model_validator(mode="after")
    def _says_one_thing(self) -> "_Coupon":
        DiscountTerms(percent_off=self.percent_off, amount_off_minor=self.amount_off, currency=self.currency)
        if (self.duration is CouponDuration.REPEATING) != (self.duration_months is not None):
            raise ValueError("duration_months says for how long a coupon is repeating, and no other has it")
        return self

    def described(self) -> CouponDescription:
        return CouponDescription(
            code=self.code,
            name=self.name,
            percent_off=self.percent_off,
            amount_off_minor=self.amount_off,
            currency=self.currency,
            duration=self.duration,
            duration_months=self.duration_months,
            redemptions_max=self.redemptions_max,
            redeem_by=self.redeem_by,
            active=self.active,
        )


class _Catalog(_Part):
    plans: list[_Plan] = Field(default_factory=list)
    coupons: list[_Coupon] = Field(default_factory=list)

    @model_validator(mode="after")
    def _names_each_once(self) -> "_Catalog":
        _require_once("plan", (plan.code for plan in self.plans))
        _require_once("coupon", (coupon.code for coupon in self.coupons))
        return self

    def described(self) -> CatalogDescription:
        return CatalogDescription(
            plans={plan.code: plan.described() for plan in self.plans},
            coupons={coupon.code: coupon.described() for coupon in self.coupons},
        )


def _allowed(name: str, value: int | str) -> Allowance:
    """Return what a feature's value in the file allows: a number, `"unlimited"`, or the text of a feature that is one."""
    try:
        feature = feature_named(name)
    except FeatureNotFound as error:
        raise ValueError(f"features: {error.detail}") from error
    if feature.kind is FeatureKind.TEXT:
        if not isinstance(value, str) or not value:
            raise ValueError(f"features.{name} takes a text")
        return Allowance(limit=None, unlimited=False, value=value)
    if value == UNLIMITED:
        return Allowance(limit=None, unlimited=True, value=None)
    if not isinstance(value, int) or not 0 <= value <= LIMIT_VALUE_MAX:
        raise ValueError(f'features.{name} takes a number from 0 to {LIMIT_VALUE_MAX}, or "{UNLIMITED}"')
    return Allowance(limit=value, unlimited=False, value=None)


def _require_once(what: str, names: Iterable[str]) -> None:
    seen = set[str]()
    for name in names:
        if name in seen:
            raise ValueError(f"there are two entries of the {what} {name}")
        seen.add(name)


def _fault(found: dict[str, Any], place: Sequence[int | str], code: str, message: str) -> FieldFault:
    """Return a fault that names the plan or coupon by its code, and the field by its path."""
    named, rest = "", list(place)
    if len(place) > 1 and place[0] in ("plans", "coupons") and isinstance(place[1], int):
        entry = found[place[0]][place[1]]
        which = entry.get("code", place[1] + 1) if isinstance(entry, dict) else place[1] + 1
        named, rest = f"{place[0][:-1]} {which}", rest[2:]
    path = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in rest).removeprefix(".")
    where = ", ".join(part for part in (named, path) if part) or "the file"
    pointer = "".join(f"/{part}" for part in place)
    return FieldFault(pointer, code, f"{where}: {message.removeprefix(_SAID_BY_PYDANTIC)}")
