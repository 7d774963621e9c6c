"""What must always hold of invoices and subscriptions, each as a query that counts what breaks it (billing/invariants.py)."""

from typing import NamedTuple


class Check(NamedTuple):
    """A rule in words, the query that counts its violations, and what to do when there are any."""

    name: str
    rule: str
    query: str
    mend: str


# Longer than two sweeps and the longest lease; and longer than any billing run that gets on.
_LATE, _VERY_LATE = "interval '150 seconds'", "interval '10 minutes'"

CHECKS = (
    Check(
        "invoice_numbers_have_no_gap",
        "each series has as many invoices as it has given numbers",
        """
        SELECT count(*) FROM invoice_series s FULL JOIN (
            SELECT left(number, -7) AS series, count(*) AS given FROM invoices WHERE number IS NOT NULL GROUP BY 1
        ) i USING (series) WHERE coalesce(s.last_number, 0) <> coalesce(i.given, 0)
        """,
        "an invoice was removed, or a number written by hand: look at the series in invoice_series",
    ),
    Check(
        "invoices_add_up",
        "an invoice's subtotal, discount and tax are the sums of its lines and taxes (of the past day)",
        """
        SELECT count(*) FROM invoices i WHERE i.created_at > now() - interval '1 day' AND (
            i.subtotal_minor <> (SELECT coalesce(sum(amount_minor), 0) FROM invoice_lines l WHERE l.invoice_id = i.id)
            OR i.discount_minor <> (SELECT coalesce(sum(discount_minor), 0) FROM invoice_lines l WHERE l.invoice_id = i.id)
            OR i.tax_minor <> (SELECT coalesce(sum(amount_minor), 0) FROM invoice_taxes t WHERE t.invoice_id = i.id))
        """,
        "look at the invoice's lines; what is wrong is taken back by voiding it",
    ),
    Check(
        "invoices_are_posted",
        "each invoice with a number and a total has its entry in the ledger (of the past day)",
        """
        SELECT count(*) FROM invoices i WHERE i.created_at > now() - interval '1 day' AND i.number IS NOT NULL
            AND i.total_minor <> 0 AND NOT EXISTS (SELECT FROM ledger_entries e WHERE e.key = 'invoice-issued-' || i.id)
        """,
        "billing ledger verify",
    ),
    Check(
        "invoices_follow_payments",
        "an invoice whose payment has succeeded is paid; none is void",
        f"""
        SELECT count(*) FROM payments p JOIN invoices i ON i.id = p.invoice_id
        WHERE p.status = 'succeeded' AND i.status <> 'paid' AND p.updated_at < now() - {_LATE}
        """,  # noqa: S608 - our own constant
        "see the outbox deliveries of invoice.payment_changed, and the log of worker-payments; refund the payment of a void one",
    ),
    Check(
        "subscriptions_run",
        "nothing that is due of a subscription waits for long",
        f"""
        SELECT count(*) FROM subscriptions WHERE next_action_at < now() - {_VERY_LATE}
            AND test_clock_id IS NULL AND parked_at IS NULL
        """,  # noqa: S608 - our own constant
        "see the log of worker-billing, and whether beat runs",
    ),
    Check(
        "no_subscription_is_parked",
        "no subscription is parked because what was due could not be done",
        "SELECT count(*) FROM subscriptions WHERE parked_at IS NOT NULL",
        "mend what parked_reason names, then set parked_at to NULL",
    ),
    Check(
        "dunning_moves",
        "an open case has a next step, or an attempt that is under way",
        f"""
        SELECT count(*) FROM dunning_cases c WHERE status = 'open' AND next_step IS NULL AND test_clock_id IS NULL
            AND opened_at < now() - {_LATE} AND NOT EXISTS (SELECT FROM operations o
                WHERE o.customer_id = c.customer_id AND o.finished_at IS NULL AND o.kind LIKE 'invoice.pay%')
        """,  # noqa: S608 - our own constant
        "see the operations of the customer, and pay the invoice: POST /invoices/:id/pay",
    ),
)
