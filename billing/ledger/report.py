"""Rule: entries and the trial balance as CSV (RFC 4180), harmless to open in a spreadsheet."""

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from uuid import UUID

from billing.ledger.balances import AssetTotal
from billing.ledger.representation import entry_representation, posting_representation
from billing.reconciliation.report import harmless_cell
from models.ledger import LedgerEntry, LedgerPosting

_ENTRY = ("id", "key", "kind", "occurred_at", "recorded_at", "reference")
_POSTING = ("account", "asset", "customer_id", "debit", "credit")


def csv_of_entries(entries: Sequence[LedgerEntry], *, postings: Mapping[UUID, Sequence[LedgerPosting]]) -> str:
    """Return one line for each posting, with what its entry says, after a line of names."""
    lines: list[list[object]] = []
    for entry in entries:
        said = entry_representation(entry, postings=())
        for posting in postings[entry.id]:
            shown = posting_representation(posting)
            lines.append([*(said[name] for name in _ENTRY), *(shown[name] for name in _POSTING)])
    return _csv((*_ENTRY, *_POSTING), lines)


def csv_of_trial_balance(totals: Sequence[AssetTotal]) -> str:
    """Return one line for each asset, after a line of names."""
    return _csv(AssetTotal._fields, totals)


def _csv(names: Sequence[str], lines: Iterable[Sequence[object]]) -> str:
    written = io.StringIO()
    writer = csv.writer(written, lineterminator="\r\n")
    writer.writerow(names)
    writer.writerows([harmless_cell(value) for value in line] for line in lines)
    return written.getvalue()
