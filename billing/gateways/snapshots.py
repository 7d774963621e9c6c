"""How the payment gateway answers: the part of its objects that we rely on, validated, so that nothing else knows the rest."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, NamedTuple

from pydantic import AliasPath, BaseModel, BeforeValidator, ConfigDict, Field

# Source: Stripe's documentation, "Pagination": `limit` is 1 to 100.
PAGE_LENGTH_MAX = 100


class _Snapshot(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore", strict=True)


class PageSnapshot(_Snapshot):
    """A page of a list: never more than the gateway gives of anything at once."""

    data: list[dict[str, Any]] = Field(max_length=PAGE_LENGTH_MAX)
    has_more: bool


class NextActionRedirect(_Snapshot):
    """Where the customer is sent to authenticate."""

    url: str
    return_url: str | None = None


class NextAction(_Snapshot):
    """What the customer has to do before the payment can go on."""

    type: str
    redirect_to_url: NextActionRedirect | None = None

    def representation(self) -> dict[str, object]:
        """Return `{type, url}`; `url` is null where the client library handles the action."""
        return {"type": self.type, "url": self.redirect_to_url.url if self.redirect_to_url else None}


class GatewayDecline(_Snapshot):
    """Why a payment method was declined, in the gateway's codes."""

    code: str | None = None
    decline_code: str | None = None
    message: str | None = None
    type: str | None = None

    @property
    def reason(self) -> str:
        """The most exact code there is."""
        return self.decline_code or self.code or "generic_decline"


class IntentSnapshot(_Snapshot):
    """A payment at the gateway, as it stood when it was fetched. Amounts in minor units; currency in lower case."""

    id: str
    status: str
    amount: int
    amount_received: int
    currency: str
    livemode: bool
    customer: str | None = None
    payment_method: str | None = None
    client_secret: str | None = None
    next_action: NextAction | None = None
    last_payment_error: GatewayDecline | None = None
    metadata: dict[str, str] = Field(default_factory=dict)


class RefundSnapshot(_Snapshot):
    """A refund at the gateway."""

    id: str
    status: str
    amount: int
    currency: str
    payment_intent: str | None = None
    reason: str | None = None
    failure_reason: str | None = None
    metadata: dict[str, str] = Field(default_factory=dict)


def _names_of_what_is_there(evidence: Any) -> Any:
    """Return the names of the fields that hold something; what is no object stays, to be refused."""
    return tuple(sorted(name for name, held in evidence.items() if held)) if isinstance(evidence, dict) else evidence


class DisputeDeadline(_Snapshot):
    """By when evidence is due (seconds since 1970), and how often it was handed in."""

    due_by: int | None = None
    submission_count: int


class DisputeSnapshot(_Snapshot):
    """A dispute at the gateway. Of its evidence only the names of the fields: the texts are personal data."""

    id: str
    status: str
    amount: int
    currency: str
    reason: str
    livemode: bool
    created: int
    payment_intent: str | None = None
    network_reason_code: str | None = None
    evidence_details: DisputeDeadline
    evidence_provided: Annotated[tuple[str, ...], BeforeValidator(_names_of_what_is_there)] = Field(
        validation_alias="evidence"
    )


def _as_object(source: Any) -> Any:
    """Return what moved money as an object; an id that the gateway did not expand stays a name of something unknown."""
    return {"id": source, "object": "unknown"} if isinstance(source, str) else source


class EntrySource(_Snapshot):
    """What a movement of the balance came from: a charge, a refund, a dispute, or something that is none of ours."""

    id: str
    object: str
    payment_intent: str | None = None
    customer: str | None = None


class BalanceEntrySnapshot(_Snapshot):
    """A movement of the balance at the gateway (`balance_transaction`). `net` is `amount - fee`; all of them are signed.

    `created` is in seconds since 1970.
    """

    id: str
    type: str
    created: int
    amount: int
    fee: int
    net: int
    currency: str
    source: Annotated[EntrySource | None, BeforeValidator(_as_object)] = None


class CreatedWindow(NamedTuple):
    """Objects created in [since, until), and how many of them to a page (100 at most)."""

    since: datetime
    until: datetime
    page_size: int


class PaymentMethodSnapshot(_Snapshot):
    """A payment method at the gateway, with what may be shown of it."""

    id: str
    type: str
    customer: str | None = None
    brand: str | None = Field(None, validation_alias=AliasPath("card", "brand"))
    exp_month: int | None = Field(None, validation_alias=AliasPath("card", "exp_month"))
    exp_year: int | None = Field(None, validation_alias=AliasPath("card", "exp_year"))
    funding: str | None = Field(None, validation_alias=AliasPath("card", "funding"))
    card_last4: str | None = Field(None, validation_alias=AliasPath("card", "last4"))
    card_country: str | None = Field(None, validation_alias=AliasPath("card", "country"))
    card_fingerprint: str | None = Field(None, validation_alias=AliasPath("card", "fingerprint"))
    debit_last4: str | None = Field(None, validation_alias=AliasPath("sepa_debit", "last4"))
    debit_country: str | None = Field(None, validation_alias=AliasPath("sepa_debit", "country"))
    debit_fingerprint: str | None = Field(None, validation_alias=AliasPath("sepa_debit", "fingerprint"))


class SetupIntentSnapshot(_Snapshot):
    """The saving of a payment method at the gateway."""

    id: str
    status: str
    livemode: bool
    customer: str | None = None
    payment_method: str | None = None
    client_secret: str | None = None
    next_action: NextAction | None = None
    last_setup_error: GatewayDecline | None = None
    metadata: dict[str, str] = Field(default_factory=dict)


class AddressSnapshot(_Snapshot):
    """An address at the gateway; `country` in two letters."""

    line1: str | None = None
    line2: str | None = None
    city: str | None = None
    postal_code: str | None = None
    state: str | None = None
    country: str | None = None


class CustomerSnapshot(_Snapshot):
    """A customer at the gateway; `deleted` is true for one that is gone."""

    id: str
    deleted: bool = False
    email: str | None = None
    name: str | None = None
    address: AddressSnapshot | None = None
    metadata: dict[str, str] = Field(default_factory=dict)
    default_payment_method: str | None = Field(
        None, validation_alias=AliasPath("invoice_settings", "default_payment_method")
    )


class ProductSnapshot(_Snapshot):
    """What a price at the gateway is the price of. Of one that was deleted only the id is left."""

    id: str
    name: str | None = None
    metadata: dict[str, str] = Field(default_factory=dict)


class RecurringSnapshot(_Snapshot):
    """How often a price is paid: every `interval_count` of `interval` (day, week, month, year)."""

    interval: str
    interval_count: int
    usage_type: str


class PriceSnapshot(_Snapshot):
    """A recurring price at the gateway, with its product. `unit_amount` is None below one minor unit, and with tiers."""

    id: str
    currency: str
    unit_amount: int | None = None
    lookup_key: str | None = None
    nickname: str | None = None
    metadata: dict[str, str] = Field(default_factory=dict)
    product: ProductSnapshot
    recurring: RecurringSnapshot


class SubscriptionItemSnapshot(_Snapshot):
    """So many of a price, for a period in seconds since 1970. What is counted by use has no quantity."""

    id: str
    quantity: int | None = None
    price: PriceSnapshot
    current_period_start: int
    current_period_end: int


class InvoiceLinesSnapshot(_Snapshot):
    """The first lines of an invoice at the gateway, each with the period that it pays for."""

    data: list[dict[str, Any]]
    has_more: bool

    def reach(self, moment: int) -> bool:
        """Return whether a line pays for a time up to `moment`; with more lines than are shown it is taken for granted."""
        ends = [line["period"].get("end") for line in self.data if isinstance(line.get("period"), dict)]
        return self.has_more or moment in ends


class SubscriptionInvoiceSnapshot(_Snapshot):
    """The latest invoice of a subscription at the gateway."""

    id: str
    status: str | None = None
    created: int
    finalized_at: int | None = Field(None, validation_alias=AliasPath("status_transitions", "finalized_at"))
    lines: InvoiceLinesSnapshot


class SubscriptionSnapshot(_Snapshot):
    """A subscription at the gateway, with its customer, the products of its prices and its latest invoice.

    Moments are seconds since 1970, the currency is in lower case.
    """

    id: str
    status: str
    livemode: bool
    currency: str
    created: int
    billing_cycle_anchor: int
    customer: CustomerSnapshot
    items: list[SubscriptionItemSnapshot] = Field(validation_alias=AliasPath("items", "data"), min_length=1)
    latest_invoice: SubscriptionInvoiceSnapshot | None = None
    default_payment_method: str | None = None
    collection_method: str
    days_until_due: int | None = None
    cancel_at: int | None = None
    cancel_at_period_end: bool
    canceled_at: int | None = None
    cancel_reason: str | None = Field(None, validation_alias=AliasPath("cancellation_details", "reason"))
    ended_at: int | None = None
    trial_start: int | None = None
    trial_end: int | None = None
    discounts: list[Any] = Field(default_factory=list)
    metadata: dict[str, str] = Field(default_factory=dict)


class SubscriptionNameSnapshot(_Snapshot):
    """Which subscription a page of a list names; it is fetched by itself, with what belongs to it."""

    id: str


class CustomerDetails(NamedTuple):
    """What the gateway is told about a customer; it replaces what it knew."""

    email: str
    name: str | None
    address: Mapping[str, str | None]
