"""Each invariant holds on a service that was used, and each one bites when a row breaks it."""

import pytest

from billing import leases
from billing.clock import utc_now
from billing.invariants import INVARIANTS, check_invariants
from billing.payments.perform import perform_payment_operation
from models.operation import Operation, OperationStatus
from tests.service.world import World


def violations(world: World) -> dict[str, int]:
    with world.session() as session:
        return {finding.invariant.name: finding.violations for finding in check_invariants(session)}


@pytest.fixture
def used(world: World) -> World:
    """A service in which something happened: a payment, a refund, a decline, webhooks in and out."""
    world.call("POST", "/webhook-endpoints", {"url": "https://shop.example/"})
    customer = world.customer()
    payment = world.pay(customer)
    world.call("POST", "/payments/refund", {"payment_id": payment["id"], "amount": 100})
    world.pay(customer, card="pm_card_chargeDeclined")
    world.deliver(*world.events())
    world.open_credits()
    meter = {"code": "calls", "name": "Calls", "event_type": "call.made", "credits_per_unit": "1"}
    assert world.call("POST", "/meters", meter).status_code == 201
    used = {"specversion": "1.0", "id": "1", "source": "shop", "type": "call.made", "subject": customer}
    assert world.call("POST", "/usage/events", {**used, "time": utc_now().isoformat()}).status_code == 200
    world.work()
    return world


def test_they_hold_on_a_service_that_was_used(used: World) -> None:
    assert violations(used) == dict.fromkeys((invariant.name for invariant in INVARIANTS), 0)


RUN = (
    "INSERT INTO reconciliation_runs (id, since, until, status, step, counts, totals, requested_by, started_at)"
    " SELECT gen_random_uuid(), now() - interval '1 day', now(), 'running', 'payments', '{}', '{}', 'worker', now()"
)
SUBSCRIPTION = (
    "INSERT INTO subscriptions (id, customer_id, status, plan_id, plan_version_id, interval, currency, anchor, anchor_day,"
    " current_period_start, current_period_end, collection, days_until_due, auto_renew, proration_granularity,"
    " proration_event_day, cancel_at_period_end, metadata, created_at, updated_at) SELECT gen_random_uuid(), customer_id,"
    " 'active', id, id, 'month', 'USD', now(), 1, now(), now(), 'automatic', 0, true, 'second', 'new_plan', false, '{}',"
    " now(), now() FROM payments LIMIT 1"
)
INVOICE = (
    "INSERT INTO invoices (id, customer_id, status, billing_reason, number, currency, period_start, period_end,"
    " subtotal_minor, discount_minor, tax_minor, total_minor, balance_minor, amount_due_minor, amount_paid_minor,"
    " amount_credited_minor, collection, days_until_due, metadata, created_at, updated_at) SELECT id, customer_id, 'open',"
    " 'manual', 'INV-2026-000001', 'USD', now(), now(), 2900, 0, 0, 2900, 0, 2900, 0, 0, 'automatic', 0, '{}', now(), now()"
    " FROM payments WHERE status = 'succeeded' LIMIT 1"
)
MIRROR = (
    "INSERT INTO mirrored_subscriptions (id, gateway_id, version, gateway_customer_id, status, gateway_status, currency, items,"
    " anchor, current_period_start, current_period_end, collection, days_until_due, cancel_at_period_end, metadata, created_at,"
    " updated_at) VALUES (gen_random_uuid(), 'sub_1', 1, 'cus_1', 'active', 'active', 'USD', '[]', now(), now(), now(),"
    " 'automatic', 0, true, '{\"billing_import\": \"op_1\"}', now(), now())"
)
CREDIT_NOTE = (
    "INSERT INTO credit_notes (id, invoice_id, customer_id, number, currency, subtotal_minor, tax_minor, total_minor,"
    " open_minor, balance_minor, refund_minor, metadata, created_at) SELECT id, id, customer_id, 'INV-CN-2026-000001', 'USD',"
    " 100, 0, 100, 100, 0, 0, '{}', now() FROM invoices"
)
BREAKERS = {
    "imports_are_whole": MIRROR,
    "invoice_numbers_have_no_gap": "INSERT INTO invoice_series (series, last_number) VALUES ('INV-2026', 1)",
    "invoices_add_up": INVOICE,
    "invoices_are_posted": INVOICE,
    "credit_notes_add_up": f"{INVOICE}; UPDATE invoices SET amount_credited_minor = 1",
    "credit_notes_are_whole": f"{INVOICE}; {CREDIT_NOTE}",
    "credit_notes_are_posted": f"{INVOICE}; {CREDIT_NOTE}",
    "balances_are_posted": "INSERT INTO customer_balances (customer_id, currency, amount_minor, updated_at)"
    " SELECT customer_id, 'USD', 1, now() FROM payments LIMIT 1",
    "purchases_have_invoices": f"{INVOICE}; UPDATE payments SET invoice_id = id WHERE id IN (SELECT id FROM invoices);"
    " UPDATE payments SET amount_captured_minor = 100 WHERE invoice_id IS NULL;"
    " INSERT INTO credit_purchases (id, customer_id, credits, price_minor, currency, created_at)"
    " SELECT id, customer_id, 500, 500, currency, now() FROM payments",
    "changes_follow_invoices": f"{SUBSCRIPTION}; {INVOICE}; UPDATE invoices SET status = 'void', voided_at = now();"
    " INSERT INTO subscription_changes (id, subscription_id, plan_id, plan_version_id, interval, quantity, ends,"
    " restarts_period, when_unpaid, upgrade_credits, changes_at, invoice_id, created_at) SELECT s.id, s.id, s.plan_id,"
    " s.plan_version_id, s.interval, 1, '{}', false, 'wait', 'none', now(), i.id, now() FROM subscriptions s, invoices i",
    "invoices_follow_payments": f"{INVOICE}; UPDATE payments SET invoice_id = invoices.id, updated_at = now() - interval '1 hour'"
    " FROM invoices WHERE invoices.id = payments.id",
    "subscriptions_run": f"{SUBSCRIPTION}; UPDATE subscriptions SET next_action_at = now() - interval '1 hour'",
    "dunning_moves": "INSERT INTO dunning_cases (id, invoice_id, customer_id, status, failures, attempt_id, category,"
    " due_at, reason, opened_at) SELECT id, id, customer_id, 'open', 1, id, 'soft', now(), '', now() - interval '1 hour'"
    " FROM payments LIMIT 1",
    "no_subscription_is_parked": f"{SUBSCRIPTION}; UPDATE subscriptions SET parked_at = now()",
    "refunds_within_captured": "UPDATE payments SET amount_refunded_minor = amount_captured_minor + 1",
    "disputes_add_up": "UPDATE payments SET amount_disputed_minor = 1",
    "refunds_add_up": "UPDATE payments SET amount_refunded_minor = 1 WHERE amount_refunded_minor = 100",
    "succeeded_once": "INSERT INTO outbox_events SELECT gen_random_uuid(), type, object_type, object_id, customer_id, payload,"
    " created_at FROM outbox_events WHERE type = 'payment.succeeded'",
    "money_is_at_the_gateway": "UPDATE payments SET gateway_id = NULL WHERE status = 'succeeded'",
    "operations_end": "UPDATE operations SET status = 'queued', finished_at = NULL, outcome_status = NULL,"
    " next_attempt_at = now() - interval '1 hour'",
    "events_are_handled": "UPDATE inbox_events SET next_attempt_at = now() - interval '1 hour'",
    "no_event_is_dead": "UPDATE inbox_events SET status = 'dead'",
    "deliveries_end": "UPDATE outbox_deliveries SET status = 'dead'",
    "credits_follow_payments": "INSERT INTO credit_purchases (id, customer_id, credits, price_minor, currency, created_at)"
    " SELECT id, customer_id, 500, 500, currency, now() FROM payments WHERE amount_captured_minor > 0;"
    " UPDATE payments SET updated_at = now() - interval '1 hour'",
    "usage_is_charged": "UPDATE usage_charges SET status = 'failed'",
    "webhook_lanes_move": "UPDATE webhook_deliveries SET next_attempt_at = NULL",
    "webhooks_are_sent": "UPDATE webhook_deliveries SET next_attempt_at = now() - interval '1 hour'"
    " WHERE next_attempt_at IS NOT NULL",
    "nothing_is_parked": "UPDATE payment_attempts SET status = 'parked'",
    "ours_equals_the_gateways": f"{RUN}; INSERT INTO reconciliation_differences (id, object_type, subject, kind, mend, state,"
    " first_run_id, first_seen_at, last_seen_at) SELECT gen_random_uuid(), 'payment', 'pi_1', 'amount_differs', 'correct_amount',"
    " 'open', id, now(), now() FROM reconciliation_runs",
    "reconciled_lately": f"{RUN}; UPDATE reconciliation_runs SET started_at = now() - interval '4 days'",
    "trial_balance": "UPDATE ledger_postings SET amount = amount + 1 WHERE account = 'revenue'",
    "payments_are_posted": "DELETE FROM ledger_entries WHERE kind = 'payment_captured'",
    "refunds_are_posted": "UPDATE refunds SET status = 'failed'",
    "disputes_are_posted": "INSERT INTO disputes (id, customer_id, payment_id, status, amount_minor, currency, reason,"
    " gateway_id, evidence_provided, evidence_submissions, opened_at,"
    " created_at, updated_at) SELECT gen_random_uuid(), customer_id, id,"
    " 'lost', 5, currency, 'general', 'du_1', '{}', 0, now(), now(), now() FROM payments LIMIT 1",
    "audit_is_sealed": "UPDATE audit_entries SET at = now() - interval '1 hour'",
}


def test_an_operation_that_gave_up_over_a_call_in_flight_is_shown(used: World) -> None:
    used.accept_payment(used.customer())
    for _ in range(leases.FAILURES_MAX):
        with used.session() as session:
            (claimed,) = leases.claim(
                session, Operation, limit=1, lease_seconds=90, busy_status=OperationStatus.RUNNING
            )
        perform_payment_operation(used.runtime, operation=claimed, now=utc_now())  # and here the process dies
        used.make_due(Operation)
    used.work()

    assert violations(used)["nothing_is_parked"] == 1
    assert len(used.all_charges()) == 2  # the story's own, and one for this payment however often it was cut off


@pytest.mark.parametrize("name", [invariant.name for invariant in INVARIANTS])
def test_each_one_bites(used: World, name: str) -> None:
    with used.session() as session:
        connection = session.connection()
        # What the tables' own constraints refuse is what these checks are the second net for.
        connection.exec_driver_sql("SET LOCAL session_replication_role = replica")
        for table, constraint in connection.exec_driver_sql(
            "SELECT conrelid::regclass::text, conname FROM pg_constraint WHERE contype = 'c' "
            "AND connamespace = 'public'::regnamespace"
        ).fetchall():
            connection.exec_driver_sql(f"ALTER TABLE {table} DROP CONSTRAINT {constraint}")
        connection.exec_driver_sql(BREAKERS[name])
        broken = {finding.invariant.name for finding in check_invariants(session) if finding.violations}
        session.rollback()
    assert name in broken
