"""Rule: an entry of the ledger balances. Values, before they are rows."""

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from billing.errors import InvariantBroken
from models.ids import new_id
from models.ledger import Account, EntryKind

_LINES_MIN = 2


class EntryOutOfBalance(InvariantBroken):
    """The debits and credits of a ledger entry are not equal, or a line moves nothing."""

    code = "ledger_entry_out_of_balance"


@dataclass(frozen=True, slots=True, kw_only=True)
class Posting:
    """One line: `amount` in the smallest unit of `asset` (a currency or `credits`), a debit positive, a credit negative."""

    account: Account
    asset: str
    amount: int
    customer_id: UUID | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """What one committed fact is in the books; the same fact always has the same `key`.

    `reference` is the public id of what it is about, `occurred_at` when that happened.
    """

    key: str
    kind: EntryKind
    occurred_at: datetime
    postings: tuple[Posting, ...]
    customer_id: UUID | None = None
    reference: str | None = None
    id: UUID = field(default_factory=new_id)


def require_balance(entry: Entry) -> None:
    """Raise EntryOutOfBalance unless the entry has two lines or more, none of 0, that add up to 0 for each asset."""
    if len(entry.postings) < _LINES_MIN:
        raise EntryOutOfBalance(f"the entry {entry.key} has {len(entry.postings)} lines, and needs two")
    sums: dict[str, int] = defaultdict(int)
    for posting in entry.postings:
        if posting.amount == 0:
            raise EntryOutOfBalance(f"the entry {entry.key} has a line of 0 {posting.asset}")
        sums[posting.asset] += posting.amount
    off = {asset: total for asset, total in sums.items() if total}
    if off:
        raise EntryOutOfBalance(f"the entry {entry.key} is out of balance by {off}")
