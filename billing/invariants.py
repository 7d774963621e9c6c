"""What must always hold, each as one query that counts what breaks it. Beat runs them; `billing invariants` shows them.

A broken one is an alarm, not a stop: the rows it names are left as they are for a person to look at.
"""

from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import text
from sqlalchemy.orm import Session

from billing.invoicing import checks as invoicing_checks
from billing.ledger import checks
from billing.mirror import checks as mirror_checks


class Invariant(NamedTuple):
    """A rule in words, the query that counts its violations, and what to do when there are any."""

    name: str
    rule: str
    query: str
    mend: str


class Finding(NamedTuple):
    """How often an invariant is broken now."""

    invariant: Invariant
    violations: int


# Two sweeps of 15 s and the longest lease: what is due for longer than this was told to nobody.
_LATE = "interval '150 seconds'"

INVARIANTS: tuple[Invariant, ...] = (
    Invariant(
        "refunds_within_captured",
        "what is refunded, or reserved for refunds, never exceeds what was captured",
        "SELECT count(*) FROM payments WHERE amount_refunded_minor > amount_captured_minor",
        "compare the payment's refunds with the gateway's",
    ),
    Invariant(
        "refunds_add_up",
        "a payment's refunded amount is the sum of its refunds that did not fail",
        """
        SELECT count(*) FROM payments p WHERE amount_refunded_minor <> LEAST(amount_captured_minor, (
            SELECT coalesce(sum(r.amount_minor), 0) FROM refunds r
            WHERE r.payment_id = p.id AND r.status NOT IN ('failed', 'canceled')))
        """,
        "replay the payment's newest charge.refunded event",
    ),
    Invariant(
        "disputes_add_up",
        "what disputes hold of a payment is the sum of those that are not won, up to what refunds left",
        """
        SELECT count(*) FROM payments p WHERE amount_disputed_minor <> LEAST(
            amount_captured_minor - amount_refunded_minor, (
            SELECT coalesce(sum(d.amount_minor), 0) FROM disputes d
            WHERE d.payment_id = p.id AND d.status IN ('needs_response', 'under_review', 'lost', 'prevented')))
        """,
        "replay the newest charge.dispute event of the payment",
    ),
    Invariant(
        "succeeded_once",
        "a payment is told of as succeeded at most once",
        """
        SELECT count(*) FROM (SELECT object_id FROM outbox_events WHERE type = 'payment.succeeded'
            GROUP BY object_id HAVING count(*) > 1) twice
        """,
        "look at the payment's entries in the audit log",
    ),
    Invariant(
        "money_is_at_the_gateway",
        "a payment that moved money names its object at the gateway",
        "SELECT count(*) FROM payments WHERE amount_captured_minor > 0 AND gateway_id IS NULL",
        "search the gateway for the payment's id in the metadata",
    ),
    Invariant(
        "operations_end",
        "no accepted operation is overdue",
        f"SELECT count(*) FROM operations WHERE next_attempt_at < now() - {_LATE}",  # noqa: S608 - our own constant
        "see `billing status` and the log of worker-network",
    ),
    Invariant(
        "events_are_handled",
        "no stored webhook event is overdue",
        f"SELECT count(*) FROM inbox_events WHERE next_attempt_at < now() - {_LATE}",  # noqa: S608 - our own constant
        "see `billing status` and the log of worker-network",
    ),
    Invariant(
        "no_event_is_dead",
        "no stored webhook event was given up",
        "SELECT count(*) FROM inbox_events WHERE status = 'dead'",
        "billing webhooks list --status dead, then billing webhooks replay",
    ),
    Invariant(
        "deliveries_end",
        "no delivery of the outbox is overdue or was given up",
        f"SELECT count(*) FROM outbox_deliveries WHERE status = 'dead' OR next_attempt_at < now() - {_LATE}",  # noqa: S608 - our own constant
        "see the log of worker-network",
    ),
    Invariant(
        "credits_follow_payments",
        "credits whose payment was captured a while ago are there",
        f"""
        SELECT count(*) FROM credit_purchases c JOIN payments p ON p.id = c.id
        WHERE p.amount_captured_minor > 0 AND c.granted = 0 AND p.updated_at < now() - {_LATE}
        """,  # noqa: S608 - our own constant
        "billing credits follow-payments",
    ),
    Invariant(
        "usage_is_charged",
        "no credits of a usage event are overdue to be deducted, or were given up",
        f"SELECT count(*) FROM usage_charges WHERE status = 'failed' OR next_attempt_at < now() - {_LATE}",  # noqa: S608 - our own constant
        "see the log of worker-compute, then billing credits charge-usage",
    ),
    Invariant(
        "webhook_lanes_move",
        "of what waits in a lane of outgoing webhooks, exactly the first is due",
        """
        SELECT count(*) FROM (SELECT 1 FROM webhook_deliveries WHERE status = 'pending'
            GROUP BY endpoint_id, lane HAVING count(next_attempt_at) <> 1) standing
        """,
        "compare the lane's rows in webhook_deliveries; POST …/redeliver of another event of the customer moves it on",
    ),
    Invariant(
        "webhooks_are_sent",
        "no webhook to an endpoint that answers is overdue",
        f"""
        SELECT count(*) FROM webhook_deliveries d JOIN webhook_endpoints e ON e.id = d.endpoint_id
        WHERE e.status = 'enabled' AND e.failing_since IS NULL AND d.next_attempt_at < now() - {_LATE}
        """,  # noqa: S608 - our own constant
        "see the log of worker-maintenance",
    ),
    Invariant(
        "nothing_is_parked",
        "no call to the gateway waits for a person: parked, or left in flight by an operation that gave up",
        """
        SELECT count(*) FROM payment_attempts a JOIN operations o ON o.id = a.operation_id
        WHERE a.status = 'parked' OR (a.status = 'in_flight' AND o.finished_at IS NOT NULL)
        """,
        "billing reconcile, then billing reconcile mend for each attempt_unsettled",
    ),
    Invariant(
        "ours_equals_the_gateways",
        "no amount of ours differs from the gateway's, to the cent, as the newest comparisons saw it",
        """
        SELECT count(*) FROM reconciliation_differences
        WHERE state = 'open' AND mend <> 'apply_gateway_state' AND (
            kind IN ('amount_differs', 'currency_differs', 'duplicate_there') OR object_type = 'balance_transaction')
        """,
        "billing reconcile list; see docs/how-to/reconcile.md",
    ),
    Invariant(
        "reconciled_lately",
        "where a comparison with the gateway was ever begun, one has ended well in the past three days",
        """
        SELECT count(*) FROM (SELECT min(started_at) AS first, max(finished_at) FILTER (WHERE status = 'finished') AS newest
            FROM reconciliation_runs) runs WHERE coalesce(newest, first) < now() - interval '3 days'
        """,
        "see GET /reconciliation/runs, and the log of worker-maintenance",
    ),
    *(
        Invariant(
            check.name,
            check.rule,
            f"SELECT count(*) FROM ({check.query}) broken",  # noqa: S608 - our own constants
            mend,
        )
        for check, mend in (
            (checks.ASSETS_BALANCE, "billing ledger verify, then look at the entries that it names"),
            (checks.of_the_past_day(checks.PAYMENTS), "billing ledger backfill, then billing ledger verify"),
            (checks.of_the_past_day(checks.REFUNDS), "billing ledger backfill, then billing ledger verify"),
            (checks.of_the_past_day(checks.DISPUTES), "billing ledger backfill, then billing ledger verify"),
        )
    ),
    *(Invariant(*check) for check in (*invoicing_checks.CHECKS, *mirror_checks.CHECKS)),
    Invariant(
        "audit_is_sealed",
        "no audit entry stays unsealed",
        f"""
        SELECT count(*) FROM audit_pending p JOIN audit_entries e ON e.id = p.entry_id WHERE e.at < now() - {_LATE}
        """,  # noqa: S608 - our own constant
        "see the log of worker-maintenance; `billing audit verify` checks the whole chain",
    ),
)


def check_invariants(session: Session) -> Sequence[Finding]:
    """Count the violations of every invariant, in the order above."""
    return [Finding(invariant, session.scalar(text(invariant.query)) or 0) for invariant in INVARIANTS]
