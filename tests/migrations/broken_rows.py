"""For each rule that a table states, statements that break it: they change one of VALID_ROWS, or add a second one beside it."""

from tests.migrations import broken_billing_rows, broken_catalog_rows
from tests.migrations.valid_rows import ENTRY, NOBODY, POSTING, A, B

# Checks: by constraint, statements that break it.
_TRANSACTION = (
    "INSERT INTO credit_transactions (id, customer_id, seq, type, amount, balance, held, debt, metadata, changes, paid, "
    "created_at) "
    f"VALUES ('{B}', '{A}', %s, '%s', %s, %s, 0, 0, '{{}}', '{{}}', '{{}}', now())"
)
_USAGE_EVENT = (
    "INSERT INTO usage_events (id, customer_id, meter_id, source, event_id, occurred_at, quantity, project, actor, received_at) "
    f"VALUES ('{B}', '{A}', '{A}', 'shop', '%s', now(), %s, '', 'key_1', now())"
)
CHECKS = {
    **broken_catalog_rows.CHECKS,
    **broken_billing_rows.CHECKS,
    "ck_auto_top_ups_amounts_positive": [
        "UPDATE auto_top_ups SET threshold = 0",
        "UPDATE auto_top_ups SET credits = 0",
    ],
    "ck_auto_top_ups_enabled_can_pay": ["UPDATE auto_top_ups SET payment_method_id = NULL"],
    "ck_auto_top_ups_max_per_day_known": [
        "UPDATE auto_top_ups SET max_per_day = 0",
        "UPDATE auto_top_ups SET max_per_day = 101",
    ],
    "ck_credit_accounts_nothing_below_zero": [
        "UPDATE credit_accounts SET balance = -1",
        "UPDATE credit_accounts SET held = -1",
        "UPDATE credit_accounts SET debt = -1",
    ],
    "ck_credit_accounts_seq_not_negative": ["UPDATE credit_accounts SET seq = -1"],
    "ck_credit_accounts_shard_known": ["UPDATE credit_accounts SET shard = 64"],
    "ck_credit_epoch_epoch_not_negative": ["UPDATE credit_epoch SET epoch = -1"],
    "ck_credit_epoch_one_row": ["INSERT INTO credit_epoch (id, epoch) VALUES (2, 1)"],
    "ck_credit_grants_amount_positive": ["UPDATE credit_grants SET amount = 0, remaining = 0"],
    "ck_credit_grants_kind_known": ["UPDATE credit_grants SET kind = 'gift'"],
    "ck_credit_grants_remaining_within_amount": [
        "UPDATE credit_grants SET remaining = 6",
        "UPDATE credit_grants SET remaining = -1",
    ],
    "ck_credit_holds_amount_positive": ["UPDATE credit_holds SET amount = 0"],
    "ck_credit_holds_captured_within_amount": ["UPDATE credit_holds SET captured = 6"],
    "ck_credit_holds_ended_has_a_time": ["UPDATE credit_holds SET status = 'released'"],
    "ck_credit_holds_status_known": ["UPDATE credit_holds SET status = 'lost', ended_at = now()"],
    "ck_credit_purchases_currency_iso4217": ["UPDATE credit_purchases SET currency = 'usd'"],
    "ck_credit_purchases_granted_all_or_nothing": ["UPDATE credit_purchases SET granted = 499"],
    "ck_credit_purchases_pending_all_or_nothing": ["UPDATE credit_purchases SET pending_step = 'paid'"],
    "ck_credit_purchases_pending_step_known": [
        f"UPDATE credit_purchases SET pending_id = '{A}', pending_step = 'gift', pending_credits = 5"
    ],
    "ck_credit_purchases_released_within_credits": [
        "UPDATE credit_purchases SET released = 501",
        "UPDATE credit_purchases SET released = -1",
    ],
    "ck_credit_purchases_something_for_something": [
        "UPDATE credit_purchases SET credits = 0",
        "UPDATE credit_purchases SET price_minor = 0",
    ],
    "ck_credit_purchases_taken_back_within_granted": [
        "UPDATE credit_purchases SET refunded = 1",
        "UPDATE credit_purchases SET granted = credits, disputed = -1",
        "UPDATE credit_purchases SET granted = credits, refunded = 300, disputed = 201",
    ],
    "ck_credit_transactions_amount_positive": [_TRANSACTION % (2, "deduct", 0, 0)],
    "ck_credit_transactions_nothing_below_zero": [_TRANSACTION % (2, "deduct", 1, -1)],
    "ck_credit_transactions_seq_positive": [_TRANSACTION % (0, "deduct", 1, 1)],
    "ck_credit_transactions_type_known": [_TRANSACTION % (2, "steal", 1, 1)],
    "ck_credit_usage_something_was_used": ["UPDATE credit_usage SET amount = 0", "UPDATE credit_usage SET count = 0"],
    "ck_api_keys_key_hash_is_sha256": ["UPDATE api_keys SET key_hash = 'short'"],
    "ck_api_keys_mode_known": ["UPDATE api_keys SET mode = 'staging'"],
    "ck_api_keys_role_known": ["UPDATE api_keys SET role = 'root'"],
    "ck_audit_head_one_row": ["INSERT INTO audit_head (id, seq, hash, signature) VALUES (2, 1, '', '')"],
    "ck_audit_seals_hash_is_sha256": [f"INSERT INTO audit_seals (seq, entry_id, hash) VALUES (2, '{B}', 'short')"],
    "ck_audit_seals_seq_positive": [
        f"INSERT INTO audit_seals (seq, entry_id, hash) VALUES (0, '{B}', decode(repeat('01', 32), 'hex'))"
    ],
    "ck_customers_country_iso3166": ["UPDATE customers SET country = 'de'"],
    "ck_customers_currency_iso4217": ["UPDATE customers SET currency = 'usd'"],
    "ck_customers_deleted_with_its_clock": ["UPDATE customers SET deleted_at = now()"],
    "ck_customers_email_not_empty": ["UPDATE customers SET email = ''"],
    "ck_disputes_amount_positive": ["UPDATE disputes SET amount_minor = 0"],
    "ck_disputes_closed_when_decided": [
        "UPDATE disputes SET status = 'won'",
        "UPDATE disputes SET closed_at = now()",
    ],
    "ck_disputes_currency_iso4217": ["UPDATE disputes SET currency = 'usd'"],
    "ck_disputes_status_known": ["UPDATE disputes SET status = 'lost in the post'"],
    "ck_disputes_submissions_not_negative": ["UPDATE disputes SET evidence_submissions = -1"],
    "ck_entitlement_uses_used_not_negative": ["UPDATE entitlement_uses SET used = used - 4"],
    "ck_idempotency_keys_key_length": [
        "UPDATE idempotency_keys SET key = ''",
        "UPDATE idempotency_keys SET key = repeat('k', 256)",
    ],
    "ck_idempotency_keys_request_hash_is_sha256": ["UPDATE idempotency_keys SET request_hash = ''"],
    "ck_inbox_events_status_known": ["UPDATE inbox_events SET status = 'lost'"],
    "ck_ledger_entries_kind_known": [ENTRY.format(kind="luck", lines=2)],
    "ck_ledger_entries_lines_at_least_two": [ENTRY.format(kind="gateway_fee", lines=1)],
    "ck_ledger_postings_account_holds_asset": [
        POSTING.format(line=2, account="revenue", asset="credits", amount=1),
        POSTING.format(line=2, account="credits_spent", asset="USD", amount=1),
    ],
    "ck_ledger_postings_account_known": [POSTING.format(line=2, account="purse", asset="USD", amount=1)],
    "ck_ledger_postings_amount_not_zero": [POSTING.format(line=2, account="revenue", asset="USD", amount=0)],
    "ck_ledger_postings_asset_known": [
        POSTING.format(line=2, account="revenue", asset="usd", amount=1),
        POSTING.format(line=2, account="revenue", asset="GOLD", amount=1),
    ],
    "ck_ledger_postings_customer_named": [POSTING.format(line=2, account="deferred_revenue", asset="USD", amount=1)],
    "ck_ledger_postings_line_positive": [POSTING.format(line=0, account="revenue", asset="USD", amount=1)],
    "ck_ledger_totals_sums_not_negative": [
        "UPDATE ledger_totals SET debit = -1",
        "UPDATE ledger_totals SET credit = -1",
    ],
    "ck_meters_aggregation_known": ["UPDATE meters SET aggregation = 'mean', value_property = NULL"],
    "ck_meters_code_is_a_word": ["UPDATE meters SET code = 'AI tokens'", "UPDATE meters SET code = ''"],
    "ck_meters_rate_all_or_nothing": [
        "UPDATE meters SET credits_numerator = NULL",
        "UPDATE meters SET credits_denominator = NULL",
        "UPDATE meters SET rounding = NULL",
    ],
    "ck_meters_rate_positive": [
        "UPDATE meters SET credits_numerator = 0",
        "UPDATE meters SET credits_denominator = 0",
    ],
    "ck_meters_rounding_known": ["UPDATE meters SET rounding = 'bankers'"],
    "ck_meters_sum_of_a_property": [
        "UPDATE meters SET value_property = NULL",
        "UPDATE meters SET aggregation = 'count'",
    ],
    "ck_operations_due_until_finished": ["UPDATE operations SET next_attempt_at = NULL"],
    "ck_operations_outcome_when_finished": [
        "UPDATE operations SET status = 'succeeded'",
        "UPDATE operations SET finished_at = now(), outcome_status = 200, next_attempt_at = NULL",
    ],
    "ck_operations_status_known": ["UPDATE operations SET status = 'waiting'"],
    "ck_outbox_deliveries_status_known": ["UPDATE outbox_deliveries SET status = 'lost'"],
    "ck_payment_attempts_finished_when_answered": [
        "UPDATE payment_attempts SET status = 'answered'",
        "UPDATE payment_attempts SET finished_at = now()",
    ],
    "ck_payment_attempts_kind_known": ["UPDATE payment_attempts SET kind = 'guess'"],
    "ck_payment_attempts_status_known": ["UPDATE payment_attempts SET status = 'lost', finished_at = now()"],
    "ck_payment_methods_default_is_attached": ["UPDATE payment_methods SET detached_at = now()"],
    "ck_payment_methods_exp_month_in_year": [
        "UPDATE payment_methods SET exp_month = 0",
        "UPDATE payment_methods SET exp_month = 13",
    ],
    "ck_payment_methods_last4_is_four_characters": ["UPDATE payment_methods SET last4 = '4242424242424242'"],
    "ck_payments_amount_positive": [
        f"UPDATE payments SET amount_minor = 0 WHERE id = '{B}'",
        f"UPDATE payments SET amount_minor = -1, amount_captured_minor = 0 WHERE id = '{B}'",
    ],
    "ck_payments_capture_known": ["UPDATE payments SET capture = 'later'"],
    "ck_payments_captured_within_amount": [
        f"UPDATE payments SET amount_captured_minor = 2901 WHERE id = '{A}'",
        f"UPDATE payments SET amount_captured_minor = -1 WHERE id = '{B}'",
    ],
    "ck_payments_currency_iso4217": ["UPDATE payments SET currency = 'usd'"],
    "ck_payments_moving_money_is_at_the_gateway": [f"UPDATE payments SET gateway_id = NULL WHERE id = '{A}'"],
    "ck_payments_refunded_within_captured": [
        f"UPDATE payments SET amount_refunded_minor = 2901 WHERE id = '{A}'",
        f"UPDATE payments SET amount_refunded_minor = -1 WHERE id = '{A}'",
    ],
    "ck_payments_taken_back_within_captured": [
        f"UPDATE payments SET amount_disputed_minor = 2001 WHERE id = '{A}'",
        f"UPDATE payments SET amount_disputed_minor = -1 WHERE id = '{A}'",
    ],
    "ck_payments_purpose_known": ["UPDATE payments SET purpose = 'gift'"],
    "ck_payments_status_known": ["UPDATE payments SET status = 'paid'"],
    "ck_reconciliation_differences_dismissed_with_a_reason": [
        "UPDATE reconciliation_differences SET state = 'dismissed', settled_at = now(), settled_by = 'cli'"
    ],
    "ck_reconciliation_differences_kind_known": ["UPDATE reconciliation_differences SET kind = 'odd'"],
    "ck_reconciliation_differences_mend_known": ["UPDATE reconciliation_differences SET mend = 'guess'"],
    "ck_reconciliation_differences_object_type_known": ["UPDATE reconciliation_differences SET object_type = 'coin'"],
    "ck_reconciliation_differences_settled_by_somebody": [
        "UPDATE reconciliation_differences SET state = 'mended', settled_at = now()",
        "UPDATE reconciliation_differences SET settled_by = 'cli'",
    ],
    "ck_reconciliation_differences_settled_unless_open": [
        "UPDATE reconciliation_differences SET state = 'mended'",
        "UPDATE reconciliation_differences SET settled_at = now(), settled_by = 'cli'",
    ],
    "ck_reconciliation_differences_state_known": [
        "UPDATE reconciliation_differences SET state = 'lost', settled_at = now(), settled_by = 'cli'"
    ],
    "ck_reconciliation_runs_due_until_finished": ["UPDATE reconciliation_runs SET next_attempt_at = NULL"],
    "ck_reconciliation_runs_finished_when_over": [
        "UPDATE reconciliation_runs SET status = 'finished', next_attempt_at = NULL",
        "UPDATE reconciliation_runs SET finished_at = now()",
    ],
    "ck_reconciliation_runs_status_known": [
        "UPDATE reconciliation_runs SET status = 'lost', finished_at = now(), next_attempt_at = NULL"
    ],
    "ck_reconciliation_runs_step_known": ["UPDATE reconciliation_runs SET step = 'luck'"],
    "ck_reconciliation_runs_window_not_empty": ["UPDATE reconciliation_runs SET until = since"],
    "ck_reconciliation_seen_object_type_known": ["UPDATE reconciliation_seen SET object_type = 'coin'"],
    "ck_refunds_amount_positive": ["UPDATE refunds SET amount_minor = 0", "UPDATE refunds SET amount_minor = -900"],
    "ck_refunds_currency_iso4217": ["UPDATE refunds SET currency = 'usd'"],
    "ck_refunds_status_known": ["UPDATE refunds SET status = 'lost'"],
    "ck_setup_intents_status_known": ["UPDATE setup_intents SET status = 'lost'"],
    "ck_test_clocks_between_start_and_target": [
        "UPDATE test_clocks SET status = 'advancing', advanced_from = now() + interval '1 day', target_time = 'infinity'",
        "UPDATE test_clocks SET status = 'advancing', advanced_from = '-infinity', target_time = now() - interval '1 day'",
    ],
    "ck_test_clocks_deleted_at_some_time": [
        "UPDATE test_clocks SET status = 'deleted'",
        "UPDATE test_clocks SET deleted_at = now()",
    ],
    "ck_test_clocks_frozen_time_from_2000_on": ["UPDATE test_clocks SET frozen_time = '1999-12-31T23:59:59Z'"],
    "ck_test_clocks_on_its_way_while_advancing": [
        "UPDATE test_clocks SET status = 'advancing'",
        "UPDATE test_clocks SET status = 'advancing', target_time = now()",
        "UPDATE test_clocks SET advanced_from = now(), target_time = now()",
    ],
    "ck_test_clocks_status_known": ["UPDATE test_clocks SET status = 'broken'"],
    "ck_usage_charges_charged_at_some_time": ["UPDATE usage_charges SET charged_at = now()"],
    "ck_usage_charges_credits_positive": ["UPDATE usage_charges SET credits = 0"],
    "ck_usage_charges_due_while_pending": ["UPDATE usage_charges SET next_attempt_at = NULL"],
    "ck_usage_charges_status_known": ["UPDATE usage_charges SET status = 'lost', next_attempt_at = NULL"],
    "ck_usage_events_quantity_in_range": [_USAGE_EVENT % ("2", "-1"), _USAGE_EVENT % ("2", "1000000000000001")],
    "ck_usage_totals_something_was_counted": [
        "UPDATE usage_totals SET quantity = -1",
        "UPDATE usage_totals SET count = 0",
    ],
    "ck_webhook_deliveries_attempts_not_negative": ["UPDATE webhook_deliveries SET attempts = -1"],
    "ck_webhook_deliveries_delivered_at_some_time": [
        "UPDATE webhook_deliveries SET status = 'delivered', next_attempt_at = NULL",
        "UPDATE webhook_deliveries SET delivered_at = now()",
    ],
    "ck_webhook_deliveries_due_while_pending": ["UPDATE webhook_deliveries SET status = 'dead'"],
    "ck_webhook_deliveries_status_known": ["UPDATE webhook_deliveries SET status = 'lost', next_attempt_at = NULL"],
    "ck_webhook_endpoints_deleted_is_disabled": ["UPDATE webhook_endpoints SET deleted_at = now(), secret = NULL"],
    "ck_webhook_endpoints_disabled_reason_known": ["UPDATE webhook_endpoints SET disabled_reason = 'bored'"],
    "ck_webhook_endpoints_disabled_with_a_reason": [
        "UPDATE webhook_endpoints SET status = 'disabled', disabled_at = now()",
        "UPDATE webhook_endpoints SET disabled_at = now(), disabled_reason = 'gone'",
    ],
    "ck_webhook_endpoints_events_not_empty": ["UPDATE webhook_endpoints SET events = '{}'"],
    "ck_webhook_endpoints_previous_secret_ends": ["UPDATE webhook_endpoints SET previous_secret = ''"],
    "ck_webhook_endpoints_secret_until_deleted": ["UPDATE webhook_endpoints SET secret = NULL"],
    "ck_webhook_endpoints_status_known": ["UPDATE webhook_endpoints SET status = 'sleepy'"],
}

# Uniques: what may be there once only.
UNIQUES = {
    **broken_catalog_rows.UNIQUES,
    **broken_billing_rows.UNIQUES,
    "uq_credit_transactions_customer_id_seq": _TRANSACTION % (1, "deduct", 1, 1),
    "uq_api_keys_key_hash": (
        "INSERT INTO api_keys (id, name, mode, role, scopes, key_hash, hint, created_at) "
        f"SELECT '{B}', name, mode, role, scopes, key_hash, hint, created_at FROM api_keys"
    ),
    "uq_audit_seals_entry_id": (
        f"INSERT INTO audit_seals (seq, entry_id, hash) VALUES (2, '{A}', decode(repeat('02', 32), 'hex'))"
    ),
    "uq_customers_external_id": f"UPDATE customers SET external_id = 'their-1' WHERE id = '{B}'",
    "uq_customers_gateway_id": f"UPDATE customers SET gateway_id = 'cus_1' WHERE id = '{B}'",
    "uq_disputes_gateway_id": (
        "INSERT INTO disputes (id, customer_id, payment_id, status, amount_minor, currency, reason, gateway_id,"
        " evidence_provided, evidence_submissions, opened_at, created_at, updated_at) "
        f"VALUES ('{B}', '{A}', '{A}', 'needs_response', 1, 'USD', 'general', 'du_1', '{{}}', 0, now(), now(), now())"
    ),
    "uq_inbox_events_source_external_id": (
        "INSERT INTO inbox_events (id, source, external_id, type, livemode, payload, status, received_at) "
        f"VALUES ('{B}', 'stripe', 'evt_1', 'a.b', false, '{{}}', 'received', now())"
    ),
    "uq_ledger_entries_key": (
        "INSERT INTO ledger_entries (id, key, kind, occurred_at, recorded_at, lines) "
        f"VALUES ('{B}', 'k', 'gateway_fee', now(), now(), 2)"
    ),
    "uq_meters_code": (
        "INSERT INTO meters (id, code, name, event_type, aggregation, created_at) "
        f"VALUES ('{B}', 'tokens', 'Other tokens', 'ai.other', 'count', now())"
    ),
    "uq_meters_event_type": (
        "INSERT INTO meters (id, code, name, event_type, aggregation, created_at) "
        f"VALUES ('{B}', 'calls', 'Calls', 'ai.generated', 'count', now())"
    ),
    "uq_operations_open_resource": (
        "INSERT INTO operations (id, kind, status, customer_id, resource_type, resource_id, params, created_at) "
        f"VALUES ('{NOBODY}', 'payment.confirm', 'queued', '{A}', 'payment', 'pay_1', '{{}}', now())"
    ),
    "uq_outbox_deliveries_event_id_consumer_endpoint": (
        "INSERT INTO outbox_deliveries (id, event_id, consumer, status) "
        f"VALUES ('{B}', '{A}', 'gateway_customer', 'pending')"
    ),
    "uq_payment_attempts_in_flight": (
        "INSERT INTO payment_attempts (id, payment_id, operation_id, kind, status, params, started_at) "
        f"VALUES ('{B}', '{A}', '{B}', 'confirm', 'in_flight', '{{}}', now())"
    ),
    "uq_payment_attempts_operation_id": (
        "INSERT INTO payment_attempts (id, payment_id, operation_id, kind, status, params, started_at, finished_at) "
        f"VALUES ('{B}', '{A}', '{A}', 'confirm', 'answered', '{{}}', now(), now())"
    ),
    "uq_payment_methods_default": "UPDATE payment_methods SET is_default = true",
    "uq_payments_gateway_id": f"UPDATE payments SET gateway_id = 'pi_1' WHERE id = '{B}'",
    "uq_reconciliation_differences_open": (
        "INSERT INTO reconciliation_differences (id, object_type, subject, kind, mend, state, first_run_id, first_seen_at,"
        f" last_seen_at) VALUES ('{B}', 'payment', 'pi_1', 'status_differs', 'inspect_refusal', 'open', '{A}', now(), now())"
    ),
    "uq_reconciliation_runs_running": (
        "INSERT INTO reconciliation_runs (id, since, until, status, step, counts, totals, requested_by, started_at) "
        f"SELECT '{B}', since, until, status, step, counts, totals, 'cli', now() FROM reconciliation_runs"
    ),
    "uq_refunds_gateway_id": (
        "INSERT INTO refunds (id, payment_id, status, amount_minor, currency, gateway_id, created_at, updated_at) "
        f"VALUES ('{B}', '{A}', 'succeeded', 1, 'USD', 're_1', now(), now())"
    ),
    "uq_setup_intents_gateway_id": (
        "INSERT INTO setup_intents (id, customer_id, status, gateway_id, created_at, updated_at) "
        f"VALUES ('{B}', '{A}', 'succeeded', 'seti_1', now(), now())"
    ),
    "uq_usage_events_event_id_source": _USAGE_EVENT % ("1", "350"),
    "uq_webhook_deliveries_event_id_endpoint_id": (
        "INSERT INTO webhook_deliveries (id, event_id, endpoint_id, lane, status, next_attempt_at, created_at) "
        f"VALUES ('{B}', '{A}', '{A}', '{B}', 'pending', NULL, now())"
    ),
    "uq_webhook_deliveries_first_of_lane": (
        "INSERT INTO outbox_events (id, type, object_type, object_id, payload, created_at) "
        f"VALUES ('{B}', 'a.b', 'a', '2', '{{}}', now()); "
        "INSERT INTO webhook_deliveries (id, event_id, endpoint_id, lane, status, created_at) "
        f"VALUES ('{B}', '{B}', '{A}', '{A}', 'pending', now())"
    ),
    "pk_beat_slots": "INSERT INTO beat_slots (job, slot) VALUES ('maintenance.sweep', '2026-01-01T00:00:00Z')",
    "pk_entitlement_uses": (
        "INSERT INTO entitlement_uses (customer_id, feature, period_start, used, updated_at) "
        f"VALUES ('{A}', 'ai_requests', '2026-11-01', 1, now())"
    ),
    "pk_idempotency_keys": (
        "INSERT INTO idempotency_keys (caller, key, request_hash, response_status, response_body, created_at, expires_at) "
        "VALUES ('a', 'k', decode(repeat('02', 32), 'hex'), 500, '{}', now(), now())"
    ),
}
