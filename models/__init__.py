"""Tables, enums and Money. Constraints state the rules again; no business decisions live here."""

from models.api_key import ApiKey, Role
from models.audit import AuditEntry, AuditHead, AuditPending, AuditSeal
from models.base import Base
from models.beat_slot import BeatSlot, Heartbeat
from models.coupon import Coupon, CouponDuration
from models.credit_note import CreditNote, CreditNoteLine, CreditNoteTax
from models.credits import (
    CreditAccount,
    CreditEpoch,
    CreditGap,
    CreditGrant,
    CreditHold,
    CreditJournal,
    CreditTransaction,
    CreditUsage,
    GrantKind,
    HoldStatus,
    TransactionType,
)
from models.customer import Customer
from models.dispute import Dispute, DisputeStatus
from models.dunning import DunningCase, DunningStatus, DunningStep
from models.entitlement_use import EntitlementUse
from models.idempotency_key import IdempotencyKey
from models.inbox_event import InboxEvent, InboxStatus
from models.invoice import (
    BillingReason,
    CustomerBalance,
    Invoice,
    InvoiceLine,
    InvoiceSeries,
    InvoiceStatus,
    InvoiceTax,
    LineKind,
    PendingLine,
)
from models.ledger import Account, EntryKind, LedgerEntry, LedgerPosting, LedgerTotal, Side
from models.mirror import MirroredSubscription
from models.money import Money
from models.operation import Operation, OperationStatus
from models.outbox import DeliveryStatus, OutboxDelivery, OutboxEvent
from models.payment import AttemptKind, AttemptStatus, CaptureMethod, Payment, PaymentAttempt, PaymentStatus
from models.payment_method import PaymentMethod
from models.plan import Plan, PlanFeature, PlanKind, PlanVersion
from models.price import Price, PriceInterval, PriceScheme, TaxBehavior
from models.reconciliation import (
    DifferenceKind,
    DifferenceState,
    Mend,
    ObjectType,
    ReconciliationDifference,
    ReconciliationFinding,
    ReconciliationRun,
    ReconciliationSeen,
    RunStatus,
    RunStep,
)
from models.refund import Refund, RefundStatus
from models.setup_intent import SetupIntent, SetupIntentStatus
from models.subscription import (
    Collection,
    PauseBehavior,
    PlanAllowance,
    Subscription,
    SubscriptionChange,
    SubscriptionDiscount,
    SubscriptionItem,
    SubscriptionStatus,
    UsageBilling,
)
from models.test_clock import ClockStatus, TestClock
from models.usage import (
    ChargeStatus,
    CreditRounding,
    Meter,
    MeterAggregation,
    UsageCharge,
    UsageEvent,
    UsageTotal,
)
from models.webhook_delivery import WebhookAttempt, WebhookDelivery, WebhookStatus
from models.webhook_endpoint import DisabledReason, EndpointStatus, WebhookEndpoint

__all__ = [
    "DunningCase",
    "DunningStatus",
    "DunningStep",
    "BillingReason",
    "CustomerBalance",
    "Invoice",
    "InvoiceLine",
    "InvoiceSeries",
    "InvoiceStatus",
    "InvoiceTax",
    "LineKind",
    "Collection",
    "PauseBehavior",
    "PlanAllowance",
    "Subscription",
    "SubscriptionChange",
    "SubscriptionDiscount",
    "SubscriptionItem",
    "SubscriptionStatus",
    "CreditAccount",
    "CreditEpoch",
    "CreditGap",
    "CreditGrant",
    "CreditHold",
    "CreditJournal",
    "CreditNote",
    "CreditNoteLine",
    "CreditNoteTax",
    "CreditTransaction",
    "CreditUsage",
    "GrantKind",
    "HoldStatus",
    "TransactionType",
    "Account",
    "ApiKey",
    "AttemptKind",
    "AttemptStatus",
    "AuditEntry",
    "AuditHead",
    "AuditPending",
    "AuditSeal",
    "Base",
    "BeatSlot",
    "CaptureMethod",
    "ChargeStatus",
    "ClockStatus",
    "Coupon",
    "CouponDuration",
    "CreditRounding",
    "Customer",
    "DeliveryStatus",
    "DifferenceKind",
    "DifferenceState",
    "DisabledReason",
    "Dispute",
    "DisputeStatus",
    "EndpointStatus",
    "EntitlementUse",
    "EntryKind",
    "Heartbeat",
    "IdempotencyKey",
    "InboxEvent",
    "InboxStatus",
    "LedgerEntry",
    "LedgerPosting",
    "LedgerTotal",
    "Mend",
    "Meter",
    "MeterAggregation",
    "MirroredSubscription",
    "Money",
    "ObjectType",
    "Operation",
    "OperationStatus",
    "OutboxDelivery",
    "OutboxEvent",
    "Payment",
    "PaymentAttempt",
    "PaymentMethod",
    "PaymentStatus",
    "PendingLine",
    "Plan",
    "PlanFeature",
    "PlanKind",
    "PlanVersion",
    "Price",
    "PriceInterval",
    "PriceScheme",
    "ReconciliationDifference",
    "ReconciliationFinding",
    "ReconciliationRun",
    "ReconciliationSeen",
    "Refund",
    "RefundStatus",
    "Role",
    "RunStatus",
    "RunStep",
    "SetupIntent",
    "SetupIntentStatus",
    "Side",
    "TaxBehavior",
    "TestClock",
    "UsageBilling",
    "UsageCharge",
    "UsageEvent",
    "UsageTotal",
    "WebhookAttempt",
    "WebhookDelivery",
    "WebhookEndpoint",
    "WebhookStatus",
]
