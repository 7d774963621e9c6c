"""Plans, and what customers may use of them."""

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, WithJsonSchema

from app.schemas.base import Answered, Page, PathParts, RequestBody
from app.schemas.customers import CustomerPath

# One use of a size is a file: a petabyte is past any. It keeps the sum of uses within what the database counts.
AMOUNT_MAX = 10**15
Kind = Literal["counted", "level", "size", "text"]


def _not_zero(value: int) -> int:
    if value == 0:
        raise ValueError("takes a positive amount to use, or a negative one to give back")
    return value


UseAmount = Annotated[
    int,
    Field(ge=-AMOUNT_MAX, le=AMOUNT_MAX),
    AfterValidator(_not_zero),
    WithJsonSchema(
        {
            "type": "integer",
            "minimum": -AMOUNT_MAX,
            "maximum": AMOUNT_MAX,
            "not": {"const": 0},
            "default": 1,
            "description": "how much is used (of a size: bytes); negative gives back, which counted features do not take",
        }
    ),
]


class PlanPath(PathParts):
    """The plan in the path."""

    plan_id: str = Field(description="the plan's id or its code", examples=["pro"])


class PriceTier(Answered):
    """A tier of a graduated or volume price."""

    up_to: int | None = Field(description="the last unit that is in it; null for all that are left")
    unit_amount: str = Field(description="of each unit, in minor units; exact, as a text", examples=["80"])
    flat_amount: str = Field(description="once, when a unit is in the tier; in minor units, as a text", examples=["0"])


class PlanPrice(Answered):
    """What one component of a plan costs for one interval in one currency. All components are owed."""

    id: str
    component: str = Field(examples=["base"])
    interval: Literal["week", "month", "quarter", "year"]
    currency: str
    scheme: Literal["flat", "per_unit", "graduated", "volume", "package"]
    amount: int | None = Field(
        description="what it costs, or each unit of it: an integer, in minor units; null where it takes `unit_amount`"
        " or `tiers` to say it"
    )
    unit_amount: str | None = Field(
        description="in minor units, also below one; exact, as a text; null where tiers say it", examples=["2900"]
    )
    package_size: int | None = Field(description="how many units one `unit_amount` pays for; null unless `package`")
    tiers: list[PriceTier] | None = Field(description="of `graduated` and `volume`")
    meter: str | None = Field(description="the meter whose count is charged for when the interval is over")
    tax_behavior: Literal["exclusive", "inclusive"] = Field(description="whether tax comes on top, or is in it")


class PlanFeature(Answered):
    """What a plan allows of one feature."""

    feature: str
    kind: Kind
    limit: int | None = Field(
        description="uses in a calendar month, so many at once, or bytes; null when unlimited, or a text"
    )
    unlimited: bool
    value: str | None = Field(description="of a text: what the plan says")


class Plan(Answered):
    """A plan with its prices, features and credits."""

    id: str
    code: str
    name: str
    description: str
    position: int = Field(description="its place on a page of prices")
    kind: Literal["plan", "addon"] = Field(description="whether it stands alone, or comes on top of a plan")
    active: bool = Field(description="whether it is offered")
    version: int = Field(description="of its terms: the newest, which new customers get; an older one never changes")
    trial_days: int
    credits_per_month: int | None = Field(
        description="null when unlimited; plans paid by the year grant by the month too"
    )
    credits_unlimited: bool
    credits_roll_over_max: int | None = Field(
        description="how many unspent credits of the allowance are carried over at most; null: none"
    )
    prices: list[PlanPrice] = Field(description="none where the price is agreed on with each customer")
    features: list[PlanFeature]
    created_at: str
    updated_at: str


class PlanPage(Page):
    """Plans, newest first."""

    data: list[Plan]


class EntitlementPath(CustomerPath):
    """The feature of a customer in the path."""

    feature: str = Field(examples=["ai_requests"])


class Consumption(RequestBody):
    """How much of a feature is used."""

    amount: UseAmount = 1


class Entitlement(PlanFeature):
    """What a customer may use of one feature, and how much of it is used."""

    used: int | None = Field(description="in this month, or at this time; null for a text")
    remaining: int | None = Field(description="null when unlimited, and for a text")


class Entitlements(Answered):
    """What a customer may use: each feature of its plan."""

    customer_id: str
    plan: str = Field(description="the plan's code")
    period_start: str = Field(description="the calendar month, in UTC, in which counted features are counted")
    period_end: str
    data: list[Entitlement]
