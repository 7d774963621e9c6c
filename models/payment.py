"""Payments and the attempts to make them."""

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import CHAR, CheckConstraint, ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, TextEnum, is_currency, one_of
from models.ids import new_id


class PaymentStatus(StrEnum):
    """Where a payment stands. `pending` is not yet at the gateway; `failed` is final, a decline is not."""

    PENDING = "pending"
    REQUIRES_PAYMENT_METHOD = "requires_payment_method"
    REQUIRES_CONFIRMATION = "requires_confirmation"
    REQUIRES_ACTION = "requires_action"
    PROCESSING = "processing"
    REQUIRES_CAPTURE = "requires_capture"
    SUCCEEDED = "succeeded"
    CANCELED = "canceled"
    FAILED = "failed"


class CaptureMethod(StrEnum):
    """Whether the money is taken at once or reserved until it is captured."""

    AUTOMATIC = "automatic"
    MANUAL = "manual"


class PaymentPurpose(StrEnum):
    """What is paid for, which decides what the captured money is in the books."""

    SALE = "sale"
    CREDITS = "credits"
    INVOICE = "invoice"


class AttemptKind(StrEnum):
    """Which call to the gateway an attempt makes."""

    CREATE = "create"
    CONFIRM = "confirm"
    CAPTURE = "capture"
    CANCEL = "cancel"


class AttemptStatus(StrEnum):
    """`in_flight` is committed before the call; only the gateway's answer moves it on.

    `parked` is one whose call must not be repeated and of which the gateway knows nothing: a person decides.
    """

    IN_FLIGHT = "in_flight"
    ANSWERED = "answered"
    DECLINED = "declined"
    REFUSED = "refused"
    PARKED = "parked"


class Payment(Base):
    """One wish to be paid an amount once.

    `version` grows with every observation of the gateway's object that is applied; whoever applies one states the version
    that it had read before it asked (see billing/payments/outcome.py).
    `amount_refunded_minor` counts refunds from the moment they are requested until they fail, so that two requests
    cannot both spend what is left. `amount_disputed_minor` is what disputes hold of the rest, until they are won.
    """

    __tablename__ = "payments"
    __table_args__ = (
        one_of("status", PaymentStatus),
        one_of("capture", CaptureMethod),
        one_of("purpose", PaymentPurpose),
        is_currency(),
        CheckConstraint("amount_minor > 0", name="amount_positive"),
        CheckConstraint("amount_captured_minor BETWEEN 0 AND amount_minor", name="captured_within_amount"),
        CheckConstraint("amount_refunded_minor BETWEEN 0 AND amount_captured_minor", name="refunded_within_captured"),
        CheckConstraint(
            "amount_disputed_minor >= 0 AND amount_refunded_minor + amount_disputed_minor <= amount_captured_minor",
            name="taken_back_within_captured",
        ),
        CheckConstraint(
            "status NOT IN ('requires_action', 'processing', 'requires_capture', 'succeeded') OR gateway_id IS NOT NULL",
            name="moving_money_is_at_the_gateway",
        ),
        # A purchase of credits has its invoice from the moment at which it is paid.
        CheckConstraint(
            "purpose = 'credits' OR (purpose = 'invoice') = (invoice_id IS NOT NULL)", name="invoice_when_that_is_paid"
        ),
        # However often it is tried, an invoice is charged by one payment.
        Index(
            "uq_payments_invoice",
            "invoice_id",
            unique=True,
            postgresql_where=text("invoice_id IS NOT NULL AND status NOT IN ('canceled', 'failed')"),
        ),
        # Lists are paged by id, which sorts by time.
        Index("ix_payments_customer", "customer_id", "id"),
        Index("ix_payments_status", "status", "id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    customer_id: Mapped[UUID] = mapped_column(ForeignKey("customers.id"))
    status: Mapped[PaymentStatus] = mapped_column(TextEnum(PaymentStatus), default=PaymentStatus.PENDING)
    amount_minor: Mapped[int]
    currency: Mapped[str] = mapped_column(CHAR(3))
    amount_captured_minor: Mapped[int] = mapped_column(default=0, server_default=text("0"))
    amount_refunded_minor: Mapped[int] = mapped_column(default=0, server_default=text("0"))
    amount_disputed_minor: Mapped[int] = mapped_column(default=0, server_default=text("0"))
    capture: Mapped[CaptureMethod] = mapped_column(TextEnum(CaptureMethod), default=CaptureMethod.AUTOMATIC)
    purpose: Mapped[PaymentPurpose] = mapped_column(
        TextEnum(PaymentPurpose), default=PaymentPurpose.SALE, server_default=text("'sale'")
    )
    invoice_id: Mapped[UUID | None] = mapped_column(ForeignKey("invoices.id"))
    payment_method_id: Mapped[str | None]
    off_session: Mapped[bool] = mapped_column(default=False)
    return_url: Mapped[str | None]
    description: Mapped[str | None]
    metadata_: Mapped[dict[str, str]] = mapped_column("metadata", default=dict)
    gateway_id: Mapped[str | None] = mapped_column(unique=True)
    client_secret: Mapped[str | None]
    next_action: Mapped[dict[str, Any] | None]
    decline_code: Mapped[str | None]
    failure_detail: Mapped[str | None]
    version: Mapped[int] = mapped_column(default=0, server_default=text("0"))
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]


class PaymentAttempt(Base):
    """One call to the gateway on behalf of a payment, committed before it is made.

    Its id makes the gateway's idempotency key `payment-attempt-<id>`: whoever repeats the call after a crash repeats it
    under the same key. `params` are what the call said, so that the repetition says the same.
    """

    __tablename__ = "payment_attempts"
    __table_args__ = (
        one_of("kind", AttemptKind),
        one_of("status", AttemptStatus),
        CheckConstraint("(status = 'in_flight') = (finished_at IS NULL)", name="finished_when_answered"),
        Index(
            "uq_payment_attempts_in_flight",
            "payment_id",
            unique=True,
            postgresql_where=text("status IN ('in_flight', 'parked')"),
        ),
        Index("ix_payment_attempts_payment", "payment_id", "started_at"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    payment_id: Mapped[UUID] = mapped_column(ForeignKey("payments.id"))
    operation_id: Mapped[UUID] = mapped_column(ForeignKey("operations.id"), unique=True)
    kind: Mapped[AttemptKind] = mapped_column(TextEnum(AttemptKind))
    status: Mapped[AttemptStatus] = mapped_column(TextEnum(AttemptStatus), default=AttemptStatus.IN_FLIGHT)
    params: Mapped[dict[str, Any]]
    decline_code: Mapped[str | None]
    started_at: Mapped[datetime]
    finished_at: Mapped[datetime | None]

    @property
    def idempotency_key(self) -> str:
        """The key under which the gateway does this once."""
        return f"payment-attempt-{self.id}"
