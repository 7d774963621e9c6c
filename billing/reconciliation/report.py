"""Rule: differences as CSV (RFC 4180), harmless to open in a spreadsheet."""

import csv
import io
import json
from collections.abc import Sequence

from billing.reconciliation.representation import difference_representation
from models.reconciliation import ReconciliationDifference

# How a cell begins that spreadsheets take for a formula. Source: OWASP, "CSV Injection".
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n")
_COLUMNS = ("id", "object_type", "kind", "state", "our_id", "gateway_id")
_TIMES = ("first_seen_at", "last_seen_at", "settled_at", "settled_by", "reason")


def csv_report(differences: Sequence[ReconciliationDifference]) -> str:
    """Return one line for each difference, after a line of names; both sides and the mend in full."""
    written = io.StringIO()
    lines = csv.writer(written, lineterminator="\r\n")
    lines.writerow((*_COLUMNS, "ours", "theirs", "mend", "mend_detail", *_TIMES))
    for difference in differences:
        shown = difference_representation(difference)
        lines.writerow(
            [
                *(harmless_cell(shown[name]) for name in _COLUMNS),
                harmless_cell(_compact(difference.ours)),
                harmless_cell(_compact(difference.theirs)),
                harmless_cell(str(difference.mend)),
                harmless_cell(difference.mend_detail),
                *(harmless_cell(shown[name]) for name in _TIMES),
            ]
        )
    return written.getvalue()


def harmless_cell(value: object) -> str:
    """Return a value as the text of a cell; one that a spreadsheet would calculate begins with an apostrophe."""
    text = "" if value is None else str(value)
    return f"'{text}" if text.startswith(_FORMULA_STARTS) else text


def _compact(facts: dict[str, object] | None) -> str | None:
    return json.dumps(facts, separators=(",", ":"), sort_keys=True) if facts is not None else None
