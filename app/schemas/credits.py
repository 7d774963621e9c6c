"""Credits: balances, deductions, grants, holds, transfers, and what happened."""

from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints

from app.schemas.base import (
    Answered,
    Credits,
    CustomerId,
    Day,
    Instant,
    Metadata,
    Page,
    PageQuery,
    PathParts,
    QueryString,
    RequestBody,
)

BATCH_MAX = 500
HOLD_SECONDS_MAX = 7 * 86_400
_TRANSACTION_ID = "ctx_01h455vb4pex5vsknk084sn02q"
Kind = Literal["allowance", "purchase", "promotion", "transfer", "adjustment"]
Type = Literal[
    "grant",
    "revoke",
    "deduct",
    "hold",
    "capture",
    "release",
    "hold_expired",
    "grant_expired",
    "transfer_hold",
    "transfer_out",
    "transfer_in",
    "transfer_refused",
    "limit_changed",
]
Operation = Annotated[
    str,
    StringConstraints(min_length=1, max_length=100, pattern=r"^[^\x00-\x1f\x7f]+$"),
    Field(description="what the credits are for, in a word of yours", examples=["ai.generate"]),
]
OwnCustomerId = Annotated[CustomerId | None, Field(description="whose credits; a customer's token may leave it out")]


class BalanceQuery(QueryString):
    """Whose balance."""

    customer_id: CustomerId | None = None


class Grant(Answered):
    """What a grant has left."""

    id: str = Field(examples=["grant_01h455vb4pex5vsknk084sn02q"])
    kind: Kind
    remaining: int
    expires_at: str | None
    priority: int


class Balance(Answered):
    """What a customer has: `balance` can be spent now; what holds reserve is no longer in it."""

    customer_id: str
    balance: int
    held: int
    debt: int = Field(
        description="credits that were taken back after they had been spent, or used (`POST /usage/events`) without being there; "
        "the next grant pays them first"
    )
    granted: int = Field(description="all that was ever granted, as far as the ledger has it")
    expiring: int = Field(description="how much of the balance ends within 30 days")
    unlimited: bool
    grants: list[Grant] = Field(description="in the order in which they are spent")
    as_of: str


class Deduct(RequestBody):
    """Credits to deduct."""

    customer_id: OwnCustomerId = None
    amount: Credits
    operation: Operation
    metadata: Metadata = Field(default_factory=dict, description="`projectId` groups `GET /usage`")


class BatchItem(Deduct):
    """One deduction of a batch, under a key of its own."""

    idempotency_key: Annotated[str, StringConstraints(pattern=r"^[!-~]([ -~]{0,253}[!-~])?$")]


class DeductBatch(RequestBody):
    """Deductions, each for itself."""

    items: Annotated[list[BatchItem], Field(min_length=1, max_length=BATCH_MAX)]


class CreditAnswer(Answered):
    """What was done, and what could be spent right after it."""

    id: str = Field(examples=[_TRANSACTION_ID])
    customer_id: str
    operation: str
    amount: int
    balance: int
    created_at: str


class BatchResult(Answered):
    """What became of one item: `id` and `balance`, or `error`."""

    id: str | None = None
    balance: int | None = None
    error: dict[str, Any] | None = Field(None, description="a problem (RFC 9457)")


class BatchAnswer(Answered):
    """The results, in the order of the items."""

    data: list[BatchResult]


class GrantCreate(RequestBody):
    """Credits to give."""

    customer_id: CustomerId
    amount: Credits
    kind: Literal["promotion", "adjustment"] = "promotion"
    priority: Annotated[int, Field(ge=0, le=1000)] | None = Field(
        None, description="among grants that end together the lower is spent first; default: by kind"
    )
    expires_at: Instant | None = Field(None, description="null: never")
    reason: Annotated[str, StringConstraints(min_length=1, max_length=100)] = "grant"
    metadata: Metadata = Field(default_factory=dict)


class GrantAnswer(CreditAnswer):
    """A grant that was made."""

    grant_id: str


class HoldCreate(RequestBody):
    """Credits to reserve."""

    customer_id: OwnCustomerId = None
    amount: Credits
    operation: Operation
    expires_in: Annotated[int, Field(ge=1, le=HOLD_SECONDS_MAX)] = Field(
        3_600, description="seconds after which what is held comes back by itself"
    )
    metadata: Metadata = Field(default_factory=dict)


class HoldAnswer(CreditAnswer):
    """A hold that was made."""

    hold_id: str = Field(examples=["hold_01h455vb4pex5vsknk084sn02q"])
    expires_at: str


class LimitChange(RequestBody):
    """Whether a customer may use credits without a limit."""

    customer_id: CustomerId
    unlimited: bool
    reason: Annotated[str, StringConstraints(min_length=1, max_length=100)] = "limit"


class LimitAnswer(CreditAnswer):
    """What was changed."""

    unlimited: bool


class HoldPath(PathParts):
    """Which hold."""

    hold_id: str


class HoldCapture(RequestBody):
    """How much of a hold to take; all of it when nothing is said."""

    amount: Credits | None = None


class HoldOutcome(Answered):
    """How a hold ended."""

    id: str = Field(examples=[_TRANSACTION_ID])
    hold_id: str
    customer_id: str
    captured: int
    returned: int
    balance: int
    created_at: str


class TransferCreate(RequestBody):
    """Credits to send from one customer to another; they keep their expiry."""

    from_customer_id: CustomerId
    to_customer_id: CustomerId
    amount: Credits
    metadata: Metadata = Field(default_factory=dict)


class HistoryQuery(PageQuery):
    """Which transactions; `from` and `to` are a half-open period."""

    customer_id: CustomerId | None = None
    type: Type | None = None
    from_: Instant | None = Field(None, alias="from")
    to: Instant | None = None


class Transaction(Answered):
    """One entry of the journal. `grants` says what it did to what grants have left, `paid_by` which grants paid for a use."""

    id: str
    customer_id: str
    type: Type
    amount: int
    balance: int
    held: int
    operation: str | None
    metadata: dict[str, str]
    reference: str | None
    grants: dict[str, int]
    paid_by: dict[str, int]
    created_at: str


class TransactionPage(Page):
    """A page of transactions."""

    data: list[Transaction]


class UsageQuery(QueryString):
    """Whose usage, when, and by what; `from` and `to` are days (UTC), the second one not included."""

    customer_id: CustomerId | None = None
    from_: Day | None = Field(None, alias="from")
    to: Day | None = None
    group_by: Literal["day", "operation", "project"] = "day"


class UsageRow(Answered):
    """What was used of one day, operation or project."""

    day: str | None = None
    operation: str | None = None
    project: str | None = None
    amount: int
    count: int


class Usage(Answered):
    """What was used, by day (newest first), or by operation or project (most first); at most 1,000 rows."""

    data: list[UsageRow]
