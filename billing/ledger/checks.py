"""What must hold of the ledger, each as one query of what breaks it: a `subject` and a `detail` for each violation.

Each is one statement, and so looks at one moment, whatever is written meanwhile. Those of payments, refunds and disputes find
an object's entries by the range of their keys (billing/ledger/money_facts.py).
"""

from typing import NamedTuple

from billing.ledger.balances import BALANCES, ROLLED_UP
from billing.ledger.money_facts import DISPUTE_KEY, PAYMENT_KEY, REFUND_KEY
from billing.payments.refundable import HOLDING


class Check(NamedTuple):
    """A rule in words, and the query of what breaks it."""

    name: str
    rule: str
    query: str


def posted_of(start: str) -> str:
    """Return the query of what the entries whose keys begin with `start` (an expression) have moved through gateway_clearing.

    The inner query asks for one entry's lines at a time: as a join, its price is misjudged, and each object reads all postings.
    """
    return f"""(
        SELECT coalesce(sum((
            SELECT sum(o.amount) FROM ledger_postings o WHERE o.entry_id = e.id AND o.account = 'gateway_clearing'
        )), 0)::bigint FROM ledger_entries e WHERE e.key >= {start} || '-' AND e.key < {start} || '.'
    )"""  # noqa: S608 - our own constants


def _posted(key: str, row: str, *, sign: str) -> str:
    moved = posted_of(f"'{key}-' || {row}.id")
    return f"CROSS JOIN LATERAL (SELECT {sign}{moved} AS amount) posted"


_HELD = f"CASE WHEN d.status IN ({', '.join(sorted(repr(str(status)) for status in HOLDING))}) THEN d.amount_minor ELSE 0 END"
_PAID = "CASE WHEN r.status = 'succeeded' THEN r.amount_minor ELSE 0 END"

PAYMENTS = Check(
    "payments_are_posted",
    "what a payment has captured is what its entries say",
    f"""
    SELECT p.id::text AS subject, 'captured ' || p.amount_captured_minor || ', posted ' || posted.amount AS detail
    FROM payments p {_posted(PAYMENT_KEY, "p", sign="")} WHERE posted.amount <> p.amount_captured_minor
    """,  # noqa: S608 - our own constants
)
REFUNDS = Check(
    "refunds_are_posted",
    "what a refund has given back is what its entries say",
    f"""
    SELECT r.id::text AS subject, 'refunded ' || {_PAID} || ', posted ' || posted.amount AS detail
    FROM refunds r {_posted(REFUND_KEY, "r", sign="-")} WHERE posted.amount <> {_PAID}
    """,  # noqa: S608 - our own constants
)
DISPUTES = Check(
    "disputes_are_posted",
    "what a dispute holds is what its entries say",
    f"""
    SELECT d.id::text AS subject, 'held ' || {_HELD} || ', posted ' || posted.amount AS detail
    FROM disputes d {_posted(DISPUTE_KEY, "d", sign="-")} WHERE posted.amount <> {_HELD}
    """,  # noqa: S608 - our own constants
)
ASSETS_BALANCE = Check(
    "trial_balance",
    "for each asset, debits and credits are equal",
    f"""
    SELECT asset AS subject, 'debit ' || sum(debit) || ', credit ' || sum(credit) AS detail
    FROM ({BALANCES}) balances GROUP BY asset HAVING sum(debit) <> sum(credit)
    """,  # noqa: S608 - our own constants
)
ENTRIES_BALANCE = Check(
    "entries_balance",
    "each entry has as many postings as it says, and they add up to 0 for each asset",
    """
    SELECT e.key AS subject, coalesce(sum(sums.number), 0) || ' of ' || e.lines || ' postings, '
        || count(*) FILTER (WHERE sums.total <> 0) || ' assets out of balance' AS detail
    FROM ledger_entries e LEFT JOIN (
        SELECT entry_id, asset, count(*) AS number, sum(amount) AS total FROM ledger_postings GROUP BY entry_id, asset
    ) sums ON sums.entry_id = e.id
    GROUP BY e.id, e.key, e.lines
    HAVING coalesce(sum(sums.number), 0) <> e.lines OR count(*) FILTER (WHERE sums.total <> 0) > 0
    """,
)
TOTALS_ADD_UP = Check(
    "totals_add_up",
    "the roll-up of an account is the sum of its postings up to there",
    f"""
    WITH rolled_up AS ({ROLLED_UP}), sums AS (
        SELECT account, asset, coalesce(sum(amount) FILTER (WHERE amount > 0), 0) AS debit,
            coalesce(-sum(amount) FILTER (WHERE amount < 0), 0) AS credit
        FROM ledger_postings WHERE recorded_in < (SELECT max(up_to) FROM rolled_up) GROUP BY account, asset
    )
    SELECT account || ' ' || asset AS subject, 'rolled up ' || coalesce(r.debit, 0) || '/' || coalesce(r.credit, 0)
        || ', posted ' || coalesce(s.debit, 0) || '/' || coalesce(s.credit, 0) AS detail
    FROM rolled_up r FULL JOIN sums s USING (account, asset)
    WHERE (coalesce(r.debit, 0), coalesce(r.credit, 0)) <> (coalesce(s.debit, 0), coalesce(s.credit, 0))
    """,  # noqa: S608 - our own constants
)
# What the three checks of objects cannot see: an entry whose object is not there, or that no object's key range holds.
CLEARING_EXPLAINED = Check(
    "clearing_is_explained",
    "gateway_clearing moved by what payments captured, refunds gave back and disputes hold, of each currency",
    f"""
    SELECT coalesce(o.asset, f.currency) || ' ' || coalesce(o.fact, f.fact) AS subject,
        'rows ' || coalesce(f.amount, 0) || ', posted ' || coalesce(o.amount, 0) AS detail
    FROM (
        SELECT o.asset, split_part(e.kind, '_', 1) AS fact, sum(o.amount) AS amount
        FROM ledger_postings o JOIN ledger_entries e ON e.id = o.entry_id
        WHERE o.account = 'gateway_clearing' AND e.kind IN (
            'payment_captured', 'refund_paid', 'refund_returned', 'dispute_withdrawn', 'dispute_reinstated')
        GROUP BY 1, 2
    ) o FULL JOIN (
        SELECT currency, 'payment' AS fact, sum(amount_captured_minor) AS amount FROM payments GROUP BY currency
        UNION ALL SELECT currency, 'refund', -sum({_PAID}) FROM refunds r GROUP BY currency
        UNION ALL SELECT currency, 'dispute', -sum({_HELD}) FROM disputes d GROUP BY currency
    ) f ON f.currency = o.asset AND f.fact = o.fact
    WHERE coalesce(f.amount, 0) <> coalesce(o.amount, 0)
    """,  # noqa: S608 - our own constants
)


def of_the_past_day(check: Check) -> Check:
    """Return a check of payments, refunds or disputes as one of those that changed in the past day: cheap enough for beat."""
    return check._replace(query=f"{check.query} AND updated_at > now() - interval '1 day'")


CHECKS = (ENTRIES_BALANCE, ASSETS_BALANCE, TOTALS_ADD_UP, PAYMENTS, REFUNDS, DISPUTES, CLEARING_EXPLAINED)
