"""Disputes and the evidence against them."""

from ipaddress import ip_address
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, StringConstraints, WithJsonSchema

from app.schemas.base import (
    Answered,
    CustomerId,
    OperationRef,
    Page,
    PageQuery,
    PathParts,
    PaymentId,
    RequestBody,
)
from app.schemas.customers import Email

Status = Literal[
    "warning_needs_response",
    "warning_under_review",
    "warning_closed",
    "needs_response",
    "under_review",
    "won",
    "lost",
    "prevented",
]


def _address(value: str) -> str:
    return str(ip_address(value))


Explanation = Annotated[str, StringConstraints(min_length=1, max_length=20_000)]
Short = Annotated[str, StringConstraints(min_length=1, max_length=1000)]
IpAddress = Annotated[
    str,
    StringConstraints(max_length=45),
    AfterValidator(_address),
    WithJsonSchema(
        {
            "type": "string",
            "anyOf": [{"format": "ipv4"}, {"format": "ipv6"}],
            "description": "IPv4 or IPv6",
            "examples": ["203.0.113.7"],
        }
    ),
]


class EvidenceCreate(RequestBody):
    """Texts for the bank, and whether they go there now. A field that is sent again replaces what it held."""

    submit: bool = Field(
        False,
        description="false keeps the evidence at the gateway; true hands in all that is there, which banks take once",
    )
    access_activity_log: Explanation | None = Field(
        None, description="proof that the customer used a digital product: times, addresses, what was done"
    )
    billing_address: Short | None = None
    cancellation_policy_disclosure: Explanation | None = Field(
        None, description="how and when the customer was shown the cancellation policy"
    )
    cancellation_rebuttal: Explanation | None = Field(None, description="why the subscription was not canceled")
    customer_email_address: Email | None = None
    customer_name: Short | None = None
    customer_purchase_ip: IpAddress | None = None
    duplicate_charge_explanation: Explanation | None = Field(
        None, description="how this payment differs from the one that it is said to repeat"
    )
    product_description: Explanation | None = None
    refund_policy_disclosure: Explanation | None = Field(
        None, description="how and when the customer was shown the refund policy"
    )
    refund_refusal_explanation: Explanation | None = Field(None, description="why no refund is due")
    service_date: Short | None = Field(None, description="when the service was given or began, as people write dates")
    shipping_address: Short | None = None
    shipping_carrier: Short | None = None
    shipping_date: Short | None = Field(None, description="when it was sent, as people write dates")
    shipping_tracking_number: Short | None = None
    uncategorized_text: Explanation | None = Field(None, description="anything else")

    def evidence(self) -> dict[str, str]:
        """Return the texts that were sent, by the gateway's names, which are ours as well."""
        return self.model_dump(exclude={"submit"}, exclude_none=True)


class DisputePath(PathParts):
    """The dispute in the path."""

    dispute_id: str = Field(examples=["dp_01h455vb4pex5vsknk084sn02q"])


class DisputeQuery(PageQuery):
    """Which disputes to list."""

    customer_id: CustomerId | None = None
    payment_id: PaymentId | None = None
    status: Status | None = None


class DisputeSummary(Answered):
    """A dispute as its payment shows it."""

    id: str
    payment_id: str
    status: Status
    amount: int = Field(
        description="what is disputed; may differ from the payment, by exchange rates or as a part of it"
    )
    currency: str
    reason: str
    gateway_id: str
    opened_at: str
    closed_at: str | None


class Dispute(DisputeSummary):
    """A dispute: the cardholder's bank takes the money back, until the dispute is won."""

    customer_id: str
    network_reason_code: str | None
    evidence_due_at: str | None
    evidence_provided: list[str] = Field(description="the fields that hold evidence; their texts stay at the gateway")
    evidence_submissions: int
    created_at: str
    updated_at: str


class DisputePending(Dispute):
    """A dispute whose operation has not finished."""

    operation: OperationRef


class DisputePage(Page):
    """Disputes, newest first."""

    data: list[Dispute]
