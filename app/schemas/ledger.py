"""The ledger: its accounts, its entries, and the trial balance."""

from typing import Annotated

from pydantic import AfterValidator, Field, StringConstraints

from app.schemas.base import Answered, CustomerId, Instant, Page, PageQuery, QueryString
from models.ledger import CREDITS, Account, EntryKind, Side


def _asset(value: str) -> str:
    return value if value == CREDITS else value.upper()


Asset = Annotated[
    str,
    StringConstraints(pattern=r"^(credits|[A-Za-z]{3})$"),
    AfterValidator(_asset),
    Field(description="`credits`, or a currency (ISO 4217)", examples=["USD"]),
]


class BalanceQuery(QueryString):
    """Up to when."""

    as_of: Instant | None = Field(None, description="only what had happened by then; without it, all that is posted")


class EntryQuery(PageQuery):
    """Which entries to list."""

    customer_id: CustomerId | None = None
    account: Account | None = Field(None, description="entries with a posting to this account")
    asset: Asset | None = Field(None, description="entries with a posting of this asset; with `account`, the same one")
    reference: str | None = Field(None, max_length=255, description="public id of what the entry is about")
    kind: EntryKind | None = None
    from_: Instant | None = Field(None, alias="from", description="when it happened, from this instant on")
    to: Instant | None = Field(None, description="when it happened, before this instant")


class AccountBalance(Answered):
    """An account in one asset, in the asset's smallest unit."""

    account: Account
    asset: str
    side: Side = Field(description="the normal side: on which the account grows")
    balance: int = Field(description="positive on the normal side")
    debit: int = Field(description="all debits")
    credit: int = Field(description="all credits")


class AccountBalances(Answered):
    """All accounts that have a posting, in the order of the chart."""

    data: list[AccountBalance]


class Posting(Answered):
    """A line of an entry: `debit` or `credit` is 0."""

    account: Account
    asset: str
    customer_id: str | None = Field(description="whose part of the account it is, where the account has such parts")
    debit: int
    credit: int


class Entry(Answered):
    """A fact in the books: its debits and credits are equal, of each asset."""

    id: str = Field(examples=["led_01h455vb4pex5vsknk084sn02q"])
    key: str = Field(description="made from the fact, which is posted once")
    kind: EntryKind
    occurred_at: str
    recorded_at: str
    customer_id: str | None
    reference: str | None
    postings: list[Posting]


class EntryPage(Page):
    """Entries, newest first."""

    data: list[Entry]


class AssetTotal(Answered):
    """All debits and all credits of an asset."""

    asset: str
    debit: int
    credit: int


class TrialBalance(Answered):
    """One line for each asset; its debit and credit are equal."""

    data: list[AssetTotal]
