"""Customers, their payment methods and setup intents."""

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, StringConstraints, field_validator
from pydantic.json_schema import SkipJsonSchema

from app.schemas.base import (
    CUSTOMER_ID_EXAMPLE,
    SPACES,
    Answered,
    Currency,
    DeclineBody,
    Metadata,
    OperationRef,
    Page,
    PageQuery,
    PathParts,
    PaymentMethodId,
    RequestBody,
    ReturnUrl,
    Text,
)

Email = Annotated[
    str,
    StringConstraints(pattern=rf"^[^@{SPACES}]{{1,64}}@[^@{SPACES}]{{1,190}}$", max_length=254),
    Field(examples=["ada@example.com"]),
]
Country = Annotated[
    str,
    StringConstraints(pattern=r"^[A-Za-z]{2}$"),
    AfterValidator(str.upper),
    Field(description="ISO 3166-1 alpha-2", examples=["DE"]),
]
ClockId = Annotated[str, StringConstraints(max_length=64), Field(examples=["clock_01h455vb4pex5vsknk084sn02q"])]
TokenSeconds = Annotated[int, Field(ge=60, le=86_400, description="60 s to 24 h")]


class AddressBody(RequestBody):
    """A postal address."""

    line1: Text | None = None
    line2: Text | None = None
    city: Text | None = None
    postal_code: Annotated[str, StringConstraints(min_length=1, max_length=20)] | None = None
    state: Text | None = None
    country: Country | None = None


class CustomerDetails(RequestBody):
    """What may be said of a customer."""

    name: Text | None = None
    currency: Currency | None = None
    address: AddressBody | None = None
    tax_id: Annotated[str, StringConstraints(min_length=1, max_length=50)] | None = None
    locale: Annotated[str, StringConstraints(pattern=r"^[A-Za-z]{2,3}([_-][A-Za-z0-9]{2,8}){0,2}$")] | None = None
    timezone: (
        Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_+\-]{1,32}(/[A-Za-z0-9_+\-]{1,32}){0,2}$")] | None
    ) = None
    metadata: Metadata = Field(default_factory=dict)


class CustomerCreate(CustomerDetails):
    """A new customer."""

    email: Email
    test_clock: ClockId | None = Field(
        None, description="in test mode: the clock in whose time the customer lives, for ever"
    )


class CustomerUpdate(CustomerDetails):
    """Changes to a customer: what is not named stays, null clears."""

    email: Email | SkipJsonSchema[None] = None

    @field_validator("email", mode="before")
    @classmethod
    def _stays_when_not_named(cls, value: object) -> object:
        if value is None:
            raise ValueError("a customer always has an e-mail address; leave the field out to keep it")
        return value


class CustomerPath(PathParts):
    """The customer in the path."""

    customer_id: str = Field(examples=[CUSTOMER_ID_EXAMPLE])


class CustomerMethodPath(CustomerPath):
    """The payment method in the path."""

    payment_method: str = Field(examples=["pm_card_visa"])


class CustomerQuery(PageQuery):
    """Which customers to list."""

    email: str | None = Field(None, max_length=254, description="exactly this e-mail address")
    test_clock: str | None = Field(None, max_length=64, description="only customers on this test clock")


class PaymentMethodAttach(RequestBody):
    """A payment method to attach, made by the gateway's client library."""

    payment_method: PaymentMethodId
    set_default: bool = False


class SetupIntentCreate(RequestBody):
    """A wish to save a payment method; takes nothing yet."""


class SetupIntentConfirm(RequestBody):
    """The confirmation of a setup intent by a server-side flow."""

    payment_method: PaymentMethodId | None = None
    return_url: ReturnUrl | None = None


class SetupIntentPath(PathParts):
    """The setup intent in the path."""

    setup_intent_id: str


class TokenCreate(RequestBody):
    """What a customer's token may do, and for how long."""

    scopes: list[Annotated[str, StringConstraints(max_length=64)]] | None = Field(None, max_length=32)
    expires_in: TokenSeconds = 3_600


class Address(Answered):
    """A postal address."""

    line1: str | None
    line2: str | None
    city: str | None
    postal_code: str | None
    state: str | None
    country: str | None


class Customer(Answered):
    """A customer."""

    id: str
    email: str
    name: str | None
    currency: str | None
    address: Address
    tax_id: str | None
    locale: str | None
    timezone: str | None
    metadata: dict[str, str]
    external_id: str | None = Field(description="what the system called it from which it was imported")
    gateway_id: str | None = Field(description="null until a worker has made the gateway's customer")
    test_clock: str | None = Field(description="the test clock in whose time it lives")
    created_at: str
    updated_at: str


class CustomerPage(Page):
    """Customers, newest first."""

    data: list[Customer]


class PaymentMethod(Answered):
    """A payment method: a token of the gateway, with what may be shown of it."""

    id: str
    customer_id: str
    type: str
    brand: str | None
    last4: str | None
    exp_month: int | None
    exp_year: int | None
    funding: str | None
    country: str | None
    default: bool
    created_at: str


class PaymentMethodPage(Page):
    """Payment methods, newest first."""

    data: list[PaymentMethod]


class PaymentMethodPending(Answered):
    """A payment method that is being attached or detached."""

    id: str
    customer_id: str
    operation: OperationRef


class NextAction(Answered):
    """What the customer has to do; `url` is null where the gateway's client library handles it."""

    type: str
    url: str | None


class SetupIntent(Answered):
    """The saving of a payment method."""

    id: str
    customer_id: str
    status: Literal[
        "pending",
        "requires_payment_method",
        "requires_confirmation",
        "requires_action",
        "processing",
        "succeeded",
        "canceled",
        "failed",
    ]
    payment_method: str | None
    client_secret: str | None
    next_action: NextAction | None
    decline: DeclineBody | None
    gateway_id: str | None
    created_at: str


class SetupIntentPending(SetupIntent):
    """A setup intent whose operation has not finished."""

    operation: OperationRef


class Token(Answered):
    """A customer's token; shown once."""

    token: str
    expires_at: str
