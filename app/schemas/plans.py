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


class PlanPrice(Answered):
    """What a plan costs for one interval in one currency."""

    interval: Literal["month", "year"]
    currency: str
    amount: int = Field(description="integer, in minor units of the currency, without tax")


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
    active: bool = Field(description="whether it is offered")
    trial_days: int
    credits_per_month: int | None = Field(
        description="null when unlimited; plans paid by the year grant by the month too"
    )
    credits_unlimited: bool
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
