"""Use case: post entries to the ledger, in the transaction of the facts that they are the entries of."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import text
from sqlalchemy.orm import Session

from billing.ledger.entry import Entry, require_balance

# One statement, and with it one round trip, for any number of entries. The keys are taken in order, so that two who post the
# same entries at once wait for each other one way round only.
_INSERT = text(
    """
    WITH added AS (
        INSERT INTO ledger_entries (id, key, kind, occurred_at, recorded_at, customer_id, reference, lines)
        SELECT id, key, kind, occurred_at, :now, customer_id, reference, lines
        FROM unnest(CAST(:ids AS uuid[]), CAST(:keys AS text[]), CAST(:kinds AS text[]), CAST(:times AS timestamptz[]),
            CAST(:customers AS uuid[]), CAST(:references AS text[]), CAST(:lines AS smallint[]))
            AS given (id, key, kind, occurred_at, customer_id, reference, lines)
        ON CONFLICT (key) DO NOTHING RETURNING id
    ), written AS (
        INSERT INTO ledger_postings (entry_id, line, account, asset, customer_id, amount)
        SELECT entry_id, line, account, asset, given.customer_id, amount
        FROM unnest(CAST(:entry_ids AS uuid[]), CAST(:numbers AS smallint[]), CAST(:accounts AS text[]),
            CAST(:assets AS text[]), CAST(:owners AS uuid[]), CAST(:amounts AS bigint[]))
            AS given (entry_id, line, account, asset, customer_id, amount)
        JOIN added ON added.id = entry_id
    )
    SELECT count(*) FROM added
    """
)


def post(session: Session, entries: Sequence[Entry], *, now: datetime) -> int:
    """Add the entries whose keys are not there yet, and return how many these were. An entry is added whole or not at all.

    Raises EntryOutOfBalance; nothing is added then. The database checks the same again at the commit.
    """
    if not entries:
        return 0
    for entry in entries:
        require_balance(entry)
    ordered = sorted(entries, key=lambda entry: entry.key)
    lines = [(entry.id, number, posting) for entry in ordered for number, posting in enumerate(entry.postings, start=1)]
    added = session.scalar(
        _INSERT,
        {
            "now": now,
            "ids": [entry.id for entry in ordered],
            "keys": [entry.key for entry in ordered],
            "kinds": [str(entry.kind) for entry in ordered],
            "times": [entry.occurred_at for entry in ordered],
            "customers": [entry.customer_id for entry in ordered],
            "references": [entry.reference for entry in ordered],
            "lines": [len(entry.postings) for entry in ordered],
            "entry_ids": [entry_id for entry_id, _, _ in lines],
            "numbers": [number for _, number, _ in lines],
            "accounts": [str(posting.account) for _, _, posting in lines],
            "assets": [posting.asset for _, _, posting in lines],
            "owners": [posting.customer_id for _, _, posting in lines],
            "amounts": [posting.amount for _, _, posting in lines],
        },
    )
    return int(added or 0)
