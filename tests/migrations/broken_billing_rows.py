"""For each rule of subscriptions, invoices and dunning, statements that break it, as in broken_rows.py."""

from tests.migrations.valid_rows import A, B

CHECKS = {
    "ck_subscriptions_anchor_day_of_a_month": [
        "UPDATE subscriptions SET anchor_day = 0",
        "UPDATE subscriptions SET anchor_day = 32",
    ],
    "ck_subscriptions_anchor_whole_seconds": ["UPDATE subscriptions SET anchor = anchor + interval '1 millisecond'"],
    "ck_subscriptions_collection_known": ["UPDATE subscriptions SET collection = 'by_hand'"],
    "ck_subscriptions_currency_iso4217": ["UPDATE subscriptions SET currency = 'usd'"],
    "ck_subscriptions_days_until_due_in_range": [
        "UPDATE subscriptions SET days_until_due = -1",
        "UPDATE subscriptions SET days_until_due = 366",
    ],
    "ck_subscriptions_ended_when_final": [
        "UPDATE subscriptions SET ended_at = now()",
        "UPDATE subscriptions SET status = 'canceled', next_action_at = NULL",
    ],
    "ck_subscriptions_interval_known": ["UPDATE subscriptions SET interval = 'day'"],
    "ck_subscriptions_nothing_due_when_final": ["UPDATE subscriptions SET status = 'expired', ended_at = now()"],
    "ck_subscriptions_past_due_since_when": ["UPDATE subscriptions SET status = 'past_due'"],
    "ck_subscriptions_pause_behavior_known": [
        "UPDATE subscriptions SET status = 'paused', paused_at = now(), pause_behavior = 'wait'"
    ],
    "ck_subscriptions_paused_how": [
        "UPDATE subscriptions SET status = 'paused'",
        "UPDATE subscriptions SET status = 'paused', paused_at = now()",
        "UPDATE subscriptions SET paused_at = now(), pause_behavior = 'void'",
    ],
    "ck_subscriptions_period_not_empty": ["UPDATE subscriptions SET current_period_end = current_period_start"],
    "ck_subscriptions_proration_event_day_known": ["UPDATE subscriptions SET proration_event_day = 'nobody'"],
    "ck_subscriptions_proration_granularity_known": ["UPDATE subscriptions SET proration_granularity = 'hour'"],
    "ck_subscriptions_status_known": ["UPDATE subscriptions SET status = 'dormant'"],
    "ck_subscriptions_trial_not_empty": [
        "UPDATE subscriptions SET trial_start = now()",
        "UPDATE subscriptions SET trial_start = now(), trial_end = now()",
    ],
    "ck_subscription_items_ends_after_start": [
        "UPDATE subscription_items SET ended_at = started_at - interval '1 second'"
    ],
    "ck_subscription_items_quantity_not_negative": ["UPDATE subscription_items SET quantity = -1"],
    "ck_subscription_changes_one_end": ["UPDATE subscription_changes SET applied_at = now(), withdrawn_at = now()"],
    "ck_plan_allowances_credits_positive": ["UPDATE plan_allowances SET credits = 0"],
    "ck_invoices_billing_reason_known": ["UPDATE invoices SET billing_reason = 'because'"],
    "ck_invoices_collection_known": ["UPDATE invoices SET collection = 'by_hand'"],
    "ck_invoices_credited_within_total": [
        "UPDATE invoices SET amount_credited_minor = -1",
        "UPDATE invoices SET amount_credited_minor = 3481",
    ],
    "ck_invoices_currency_iso4217": ["UPDATE invoices SET currency = 'usd'"],
    "ck_invoices_days_until_due_in_range": [
        "UPDATE invoices SET days_until_due = -1",
        "UPDATE invoices SET days_until_due = 366",
    ],
    "ck_invoices_due_adds_up": ["UPDATE invoices SET balance_minor = 1", "UPDATE invoices SET amount_due_minor = 1"],
    "ck_invoices_due_not_negative": ["UPDATE invoices SET balance_minor = 3481, amount_due_minor = -1"],
    "ck_invoices_numbered_when_finalized": [
        "UPDATE invoices SET number = NULL",
        "UPDATE invoices SET finalized_at = NULL, number = NULL",
        "UPDATE invoices SET status = 'draft'",
    ],
    "ck_invoices_paid_at_when_paid": [
        "UPDATE invoices SET paid_at = now()",
        "UPDATE invoices SET status = 'paid', amount_paid_minor = 3480",
    ],
    "ck_invoices_paid_in_full": ["UPDATE invoices SET status = 'paid', paid_at = now()"],
    "ck_invoices_paid_within_due": [
        "UPDATE invoices SET amount_paid_minor = -1",
        "UPDATE invoices SET amount_paid_minor = 3481",
    ],
    "ck_invoices_period_in_order": ["UPDATE invoices SET period_end = period_start - interval '1 second'"],
    "ck_invoices_status_known": ["UPDATE invoices SET status = 'sent'"],
    "ck_invoices_total_adds_up": [
        "UPDATE invoices SET subtotal_minor = 2901",
        "UPDATE invoices SET tax_minor = 0",
        "UPDATE invoices SET discount_minor = 1",
    ],
    "ck_invoices_voided_at_when_void": [
        "UPDATE invoices SET status = 'void'",
        "UPDATE invoices SET voided_at = now()",
    ],
    "ck_invoice_lines_currency_iso4217": ["UPDATE invoice_lines SET currency = 'usd'"],
    "ck_invoice_lines_kind_known": ["UPDATE invoice_lines SET kind = 'gift'"],
    "ck_invoice_lines_period_in_order": ["UPDATE invoice_lines SET period_end = period_start - interval '1 second'"],
    "ck_invoice_lines_position_from_one": ["UPDATE invoice_lines SET position = 0"],
    "ck_invoice_lines_share_of_a_whole": [
        "UPDATE invoice_lines SET share_parts = 2",
        "UPDATE invoice_lines SET share_parts = -1",
        "UPDATE invoice_lines SET share_parts = 0, share_of = 0",
    ],
    "ck_invoice_lines_share_whole": ["UPDATE invoice_lines SET share_parts = NULL"],
    "ck_invoice_taxes_currency_iso4217": ["UPDATE invoice_taxes SET currency = 'usd'"],
    "ck_invoice_taxes_rate_is_a_share": ["UPDATE invoice_taxes SET rate = -0.1", "UPDATE invoice_taxes SET rate = 1.1"],
    "ck_invoice_series_last_number_not_negative": ["UPDATE invoice_series SET last_number = -1"],
    "ck_customer_balances_amount_not_negative": ["UPDATE customer_balances SET amount_minor = -1"],
    "ck_customer_balances_currency_iso4217": ["UPDATE customer_balances SET currency = 'usd'"],
    "ck_dunning_cases_ended_when_final": [
        "UPDATE dunning_cases SET ended_at = now()",
        "UPDATE dunning_cases SET status = 'closed', next_step = NULL, next_step_at = NULL",
    ],
    "ck_dunning_cases_failed_before": ["UPDATE dunning_cases SET failures = 0"],
    "ck_dunning_cases_next_step_known": ["UPDATE dunning_cases SET next_step = 'hope'"],
    "ck_dunning_cases_nothing_next_when_ended": ["UPDATE dunning_cases SET status = 'recovered', ended_at = now()"],
    "ck_dunning_cases_status_known": [
        "UPDATE dunning_cases SET status = 'lost', ended_at = now(), next_step = NULL, next_step_at = NULL"
    ],
    "ck_dunning_cases_step_has_a_time": ["UPDATE dunning_cases SET next_step_at = NULL"],
    "ck_payments_invoice_when_that_is_paid": [
        f"UPDATE payments SET invoice_id = '{A}'",
        "UPDATE payments SET purpose = 'invoice'",
    ],
}

UNIQUES = {
    "uq_subscriptions_external_id": (
        "INSERT INTO subscriptions (id, customer_id, external_id, status, plan_id, plan_version_id, interval, currency, anchor, "
        "anchor_day, current_period_start, current_period_end, collection, days_until_due, auto_renew, proration_granularity, "
        "proration_event_day, cancel_at_period_end, ended_at, metadata, created_at, updated_at) "
        f"SELECT '{B}', customer_id, external_id, 'canceled', plan_id, plan_version_id, interval, currency, anchor, anchor_day, "
        "current_period_start, current_period_end, collection, days_until_due, auto_renew, proration_granularity, "
        "proration_event_day, cancel_at_period_end, now(), metadata, created_at, updated_at FROM subscriptions"
    ),
    "uq_subscriptions_plan": (
        "INSERT INTO subscriptions (id, customer_id, status, plan_id, plan_version_id, interval, currency, anchor, anchor_day, "
        "current_period_start, current_period_end, collection, days_until_due, auto_renew, proration_granularity, "
        "proration_event_day, cancel_at_period_end, metadata, created_at, updated_at) "
        f"SELECT '{B}', customer_id, 'incomplete', plan_id, plan_version_id, interval, currency, anchor, anchor_day, "
        "current_period_start, current_period_end, collection, days_until_due, auto_renew, proration_granularity, "
        "proration_event_day, cancel_at_period_end, metadata, created_at, updated_at FROM subscriptions"
    ),
    "uq_subscription_items_price": (
        "INSERT INTO subscription_items (id, subscription_id, price_id, quantity, started_at) "
        f"VALUES ('{B}', '{A}', '{A}', 2, now())"
    ),
    "uq_subscription_changes_pending": (
        f"INSERT INTO subscription_changes (id, subscription_id, wanted, created_at) VALUES ('{B}', '{A}', '{{}}', now())"
    ),
    "uq_plan_allowances_month": (
        "INSERT INTO plan_allowances (id, subscription_id, customer_id, month_start, part, credits, expires_at, created_at) "
        f"SELECT '{B}', subscription_id, customer_id, month_start, part, credits, expires_at, created_at FROM plan_allowances"
    ),
    "uq_invoices_number": f"UPDATE invoices SET number = 'INV-2026-000001' WHERE id = '{B}'",
    "uq_invoices_period": f"UPDATE invoices SET billing_reason = 'subscription_cycle' WHERE id = '{B}'",
    "uq_dunning_cases_invoice_id": (
        "INSERT INTO dunning_cases (id, invoice_id, customer_id, status, failures, attempt_id, category, due_at, reason, "
        f"opened_at) VALUES ('{B}', '{A}', '{A}', 'open', 1, '{A}', 'soft', now(), '', now())"
    ),
    "uq_payments_invoice": f"UPDATE payments SET purpose = 'invoice', invoice_id = '{A}'",
}
