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
    "ck_subscription_items_ends_what_began": [
        f"UPDATE subscription_items SET change_id = '{A}', started_at = NULL, ended_at = now()"
    ],
    "ck_subscription_items_waits_for_a_change": ["UPDATE subscription_items SET started_at = NULL"],
    "ck_subscription_changes_anchor_day_of_a_month": ["UPDATE subscription_changes SET anchor_day = 32"],
    "ck_subscription_changes_interval_known": ["UPDATE subscription_changes SET interval = 'day'"],
    "ck_subscription_changes_one_end": [
        "UPDATE subscription_changes SET applied_at = now(), withdrawn_at = now(), withdrawn_reason = 'x'"
    ],
    "ck_subscription_changes_upgrade_credits_known": ["UPDATE subscription_changes SET upgrade_credits = 'all'"],
    "ck_subscription_changes_when_unpaid_known": ["UPDATE subscription_changes SET when_unpaid = 'never'"],
    "ck_subscription_changes_withdrawn_why": ["UPDATE subscription_changes SET withdrawn_at = now()"],
    "ck_subscription_discounts_ends_after_start": ["UPDATE subscription_discounts SET ends_at = starts_at"],
    "ck_usage_billings_currency_iso4217": ["UPDATE usage_billings SET currency = 'usd'"],
    "ck_usage_billings_period_not_empty": ["UPDATE usage_billings SET period_end = period_start"],
    "ck_usage_billings_quantity_not_negative": ["UPDATE usage_billings SET quantity = -1"],
    "ck_pending_lines_currency_iso4217": ["UPDATE pending_lines SET currency = 'usd'"],
    "ck_pending_lines_kind_known": ["UPDATE pending_lines SET kind = 'gift'"],
    "ck_pending_lines_period_in_order": [
        "UPDATE pending_lines SET period_start = now(), period_end = now() - interval '1 second'"
    ],
    "ck_pending_lines_share_of_a_whole": [
        "UPDATE pending_lines SET share_parts = 2, share_of = 1",
        "UPDATE pending_lines SET share_parts = 0, share_of = 0",
    ],
    "ck_pending_lines_share_whole": ["UPDATE pending_lines SET share_parts = NULL"],
    "ck_plan_allowances_credits_positive": ["UPDATE plan_allowances SET credits = 0"],
    "ck_plan_allowances_of_one_subscription": [
        "UPDATE plan_allowances SET mirror_id = NULL",
        f"UPDATE plan_allowances SET subscription_id = '{A}'",
    ],
    "ck_mirrored_subscriptions_collection_known": ["UPDATE mirrored_subscriptions SET collection = 'by_hand'"],
    "ck_mirrored_subscriptions_currency_iso4217": ["UPDATE mirrored_subscriptions SET currency = 'usd'"],
    "ck_mirrored_subscriptions_ended_when_final": [
        "UPDATE mirrored_subscriptions SET ended_at = now()",
        "UPDATE mirrored_subscriptions SET status = 'canceled'",
    ],
    "ck_mirrored_subscriptions_imported_for_somebody": ["UPDATE mirrored_subscriptions SET customer_id = NULL"],
    "ck_mirrored_subscriptions_interval_known": ["UPDATE mirrored_subscriptions SET interval = 'day'"],
    "ck_mirrored_subscriptions_past_due_since_when": ["UPDATE mirrored_subscriptions SET status = 'past_due'"],
    "ck_mirrored_subscriptions_period_in_order": [
        "UPDATE mirrored_subscriptions SET current_period_end = current_period_start - interval '1 second'"
    ],
    "ck_mirrored_subscriptions_plan_with_its_version": ["UPDATE mirrored_subscriptions SET plan_version_id = NULL"],
    "ck_mirrored_subscriptions_status_known": ["UPDATE mirrored_subscriptions SET status = 'unpaid'"],
    "ck_mirrored_subscriptions_version_not_negative": ["UPDATE mirrored_subscriptions SET version = -1"],
    "ck_plan_allowances_roll_over_positive": ["UPDATE plan_allowances SET roll_over_max = 0"],
    "ck_plan_allowances_rolled_over_as_a_whole": [
        "UPDATE plan_allowances SET roll_over_max = 5, rolled_over = 5",
        f"UPDATE plan_allowances SET roll_over_max = 5, roll_over_id = '{A}'",
        f"UPDATE plan_allowances SET rolled_over = 5, roll_over_id = '{A}'",
    ],
    "ck_plan_allowances_rolled_over_within_max": [
        f"UPDATE plan_allowances SET roll_over_max = 5, rolled_over = 6, roll_over_id = '{A}'",
        f"UPDATE plan_allowances SET roll_over_max = 5, rolled_over = -1, roll_over_id = '{A}'",
    ],
    "ck_invoices_billing_reason_known": ["UPDATE invoices SET billing_reason = 'because'"],
    "ck_invoices_collection_known": ["UPDATE invoices SET collection = 'by_hand'"],
    "ck_invoices_credited_within_total": [
        "UPDATE invoices SET amount_credited_minor = -1, credited_open_minor = -1",
        "UPDATE invoices SET amount_credited_minor = 3481",
    ],
    "ck_invoices_credited_open_is_credited": ["UPDATE invoices SET credited_open_minor = 1"],
    "ck_credit_notes_currency_iso4217": ["UPDATE credit_notes SET currency = 'usd'"],
    "ck_credit_notes_refunded_by_a_refund": [
        "UPDATE credit_notes SET refund_minor = 200, open_minor = 1000 WHERE refund_id IS NULL"
    ],
    "ck_credit_notes_total_adds_up": ["UPDATE credit_notes SET tax_minor = 201"],
    "ck_credit_notes_total_positive": [
        "UPDATE credit_notes SET subtotal_minor = 0, tax_minor = 0, total_minor = 0, open_minor = 0"
    ],
    "ck_credit_notes_uses_add_up": ["UPDATE credit_notes SET open_minor = 1199"],
    "ck_credit_notes_uses_not_negative": [
        "UPDATE credit_notes SET open_minor = 1201, balance_minor = -1",
        "UPDATE credit_notes SET open_minor = -1, balance_minor = 1201",
        "UPDATE credit_notes SET open_minor = 1201, refund_minor = -1 WHERE refund_id IS NOT NULL",
    ],
    "ck_credit_note_lines_amount_not_zero": ["UPDATE credit_note_lines SET amount_minor = 0"],
    "ck_credit_note_lines_currency_iso4217": ["UPDATE credit_note_lines SET currency = 'usd'"],
    "ck_credit_note_lines_position_from_one": ["UPDATE credit_note_lines SET position = 0"],
    "ck_credit_note_taxes_currency_iso4217": ["UPDATE credit_note_taxes SET currency = 'usd'"],
    "ck_credit_note_taxes_rate_is_a_share": [
        "UPDATE credit_note_taxes SET rate = -0.1",
        "UPDATE credit_note_taxes SET rate = 1.1",
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
        "UPDATE invoices SET credited_open_minor = -1",
        "UPDATE invoices SET amount_paid_minor = 1, amount_credited_minor = 3480, credited_open_minor = 3480",
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
    "ck_customer_balances_debt_is_small": ["UPDATE customer_balances SET amount_minor = -100000"],
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
        "INSERT INTO subscription_changes (id, subscription_id, plan_id, plan_version_id, interval, quantity, ends, "
        "restarts_period, when_unpaid, upgrade_credits, changes_at, created_at) "
        f"SELECT '{B}', subscription_id, plan_id, plan_version_id, interval, quantity, ends, restarts_period, when_unpaid, "
        "upgrade_credits, changes_at, now() "
        "FROM subscription_changes"
    ),
    "uq_usage_billings_period": (
        "INSERT INTO usage_billings (id, subscription_item_id, period_start, period_end, quantity, amount_minor, currency) "
        f"SELECT '{B}', subscription_item_id, period_start, period_end, quantity, amount_minor, currency FROM usage_billings"
    ),
    "uq_subscription_discounts_held": (
        "INSERT INTO subscription_discounts (id, subscription_id, coupon_id, starts_at) "
        f"VALUES ('{B}', '{A}', '{B}', now())"
    ),
    "uq_mirrored_subscriptions_gateway_id": f"UPDATE mirrored_subscriptions SET gateway_id = 'sub_1' WHERE id = '{B}'",
    "uq_mirrored_subscriptions_imported_as": f"UPDATE mirrored_subscriptions SET imported_as = '{A}' WHERE id = '{B}'",
    "uq_plan_allowances_mirrored": (
        "INSERT INTO plan_allowances (id, mirror_id, customer_id, month_start, part, credits, expires_at, created_at) "
        "SELECT gen_random_uuid(), mirror_id, customer_id, month_start, part, credits, expires_at, created_at "
        "FROM plan_allowances WHERE mirror_id IS NOT NULL"
    ),
    "uq_plan_allowances_month": (
        "INSERT INTO plan_allowances (id, subscription_id, customer_id, month_start, part, credits, expires_at, created_at) "
        "SELECT gen_random_uuid(), subscription_id, customer_id, month_start, part, credits, expires_at, created_at "
        "FROM plan_allowances WHERE subscription_id IS NOT NULL"
    ),
    "uq_invoices_number": f"UPDATE invoices SET number = 'INV-2026-000001' WHERE id = '{B}'",
    "uq_credit_notes_number": f"UPDATE credit_notes SET number = 'INV-CN-2026-000001' WHERE id = '{B}'",
    "uq_credit_notes_refund_id": f"UPDATE credit_notes SET refund_id = '{A}'",
    "uq_invoices_period": f"UPDATE invoices SET billing_reason = 'subscription_cycle' WHERE id = '{B}'",
    "uq_dunning_cases_invoice_id": (
        "INSERT INTO dunning_cases (id, invoice_id, customer_id, status, failures, attempt_id, category, due_at, reason, "
        f"opened_at) VALUES ('{B}', '{A}', '{A}', 'open', 1, '{A}', 'soft', now(), '', now())"
    ),
    "uq_payments_invoice": f"UPDATE payments SET purpose = 'invoice', invoice_id = '{A}'",
}
