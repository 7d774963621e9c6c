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
        "each series has as many invoices, or credit notes, as it has given numbers",
        """
        SELECT count(*) FROM invoice_series s FULL JOIN (
            SELECT left(number, -7) AS series, count(*) AS given FROM (
                SELECT number FROM invoices WHERE number IS NOT NULL UNION ALL SELECT number FROM credit_notes
            ) numbers GROUP BY 1
        ) i USING (series) WHERE coalesce(s.last_number, 0) <> coalesce(i.given, 0)
        """,
        "an invoice or a credit note was removed, or a number written by hand: look at the series in invoice_series",
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
        "each invoice with a number and a total has its entry in the ledger (of the past day); one of credits has its payment's",
        """
        SELECT count(*) FROM invoices i WHERE i.created_at > now() - interval '1 day' AND i.number IS NOT NULL
            AND i.total_minor <> 0 AND i.billing_reason <> 'credit_purchase'
            AND NOT EXISTS (SELECT FROM ledger_entries e WHERE e.key = 'invoice-issued-' || i.id)
        """,
        "billing ledger verify",
    ),
    Check(
        "invoices_follow_payments",
        "an invoice whose payment has succeeded is paid, or the customer's balance has what it did not want",
        f"""
        SELECT count(*) FROM payments p JOIN invoices i ON i.id = p.invoice_id
        WHERE p.status = 'succeeded' AND p.updated_at < now() - {_LATE} AND (i.status NOT IN ('paid', 'void')
            OR p.amount_captured_minor > i.amount_paid_minor
            AND NOT EXISTS (SELECT FROM ledger_entries e WHERE e.key = 'payment-overpaid-' || p.id))
        """,  # noqa: S608 - our own constant
        "see the outbox deliveries of invoice.payment_changed, and the log of worker-payments",
    ),
    Check(
        "changes_follow_invoices",
        "a change of a subscription waits for no invoice that is paid, void or given up",
        """
        SELECT count(*) FROM subscription_changes c JOIN invoices i ON i.id = c.invoice_id
        WHERE c.applied_at IS NULL AND c.withdrawn_at IS NULL AND i.status <> 'open'
        """,
        "see the invoice's payment and the audit log of the subscription; the change is withdrawn at change_expires_at",
    ),
    Check(
        "credit_notes_add_up",
        "what is credited of an invoice is the sum of its credit notes, and what they took off while it was open is theirs too",
        """
        SELECT count(*) FROM (
            SELECT invoice_id, sum(total_minor) AS total, sum(open_minor) AS open FROM credit_notes GROUP BY invoice_id
        ) n FULL JOIN (
            SELECT id, amount_credited_minor, credited_open_minor FROM invoices WHERE amount_credited_minor <> 0
        ) i ON i.id = n.invoice_id
        WHERE (coalesce(n.total, 0), coalesce(n.open, 0))
            <> (coalesce(i.amount_credited_minor, 0), coalesce(i.credited_open_minor, 0))
        """,
        "compare the credit notes of the invoice with its amount_credited",
    ),
    Check(
        "credit_notes_are_whole",
        "a credit note is the sum of its lines and taxes, and all notes of a line are no more than the line",
        """
        SELECT (SELECT count(*) FROM credit_notes n WHERE
            n.subtotal_minor <> (SELECT coalesce(sum(amount_minor), 0) FROM credit_note_lines l WHERE l.credit_note_id = n.id)
            OR n.tax_minor <> (SELECT coalesce(sum(amount_minor), 0) FROM credit_note_taxes t WHERE t.credit_note_id = n.id)
        ) + (SELECT count(*) FROM (
            SELECT invoice_id, line_position, sum(amount_minor) AS credited FROM credit_note_lines GROUP BY 1, 2
        ) c JOIN invoice_lines l ON l.invoice_id = c.invoice_id AND l.position = c.line_position
            WHERE abs(c.credited) > abs(l.amount_minor - l.discount_minor)
                OR c.credited * (l.amount_minor - l.discount_minor) < 0)
        """,
        "look at the credit note's lines",
    ),
    Check(
        "credit_notes_are_posted",
        "each credit note has its entry in the ledger",
        """
        SELECT count(*) FROM credit_notes n
        WHERE NOT EXISTS (SELECT FROM ledger_entries e WHERE e.key = 'credit-note-issued-' || n.id)
        """,
        "billing ledger verify",
    ),
    Check(
        "balances_are_posted",
        "what customers have with us is what the ledger says",
        """
        SELECT count(*) FROM customer_balances b FULL JOIN (
            SELECT customer_id, asset, -sum(amount) AS amount FROM ledger_postings
            WHERE account = 'customer_balance' GROUP BY customer_id, asset
        ) p ON p.customer_id = b.customer_id AND p.asset = b.currency
        WHERE coalesce(b.amount_minor, 0) <> coalesce(p.amount, 0)
        """,
        "compare customer_balances with the customer's entries: GET /ledger/entries?account=customer_balance",
    ),
    Check(
        "purchases_have_invoices",
        "credits that were paid for have their invoice (of the past day, since the first that has one)",
        """
        SELECT count(*) FROM credit_purchases c JOIN payments p ON p.id = c.id
        WHERE c.created_at > now() - interval '1 day' AND p.amount_captured_minor > 0 AND p.invoice_id IS NULL AND EXISTS (
            SELECT FROM credit_purchases earlier JOIN payments q ON q.id = earlier.id
            WHERE earlier.id < c.id AND earlier.created_at > now() - interval '1 day' AND q.invoice_id IS NOT NULL)
        """,
        "an older worker took the money: see that all processes are of one version",
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
