"""A row of each table that no rule refuses; tests change one of them, or add a second one beside it."""

A = "00000000-0000-7000-8000-00000000000a"
B = "00000000-0000-7000-8000-00000000000b"
NOBODY = "00000000-0000-7000-8000-0000000000ff"

VALID_ROWS = f"""
INSERT INTO api_keys (id, name, mode, role, scopes, key_hash, hint, created_at)
VALUES ('{A}', 'shop', 'test', 'service', '{{}}', decode(repeat('01', 32), 'hex'), 'bk_test_…', now());
INSERT INTO audit_entries (id, at, actor, action, object_type, object_id)
VALUES ('{A}', now(), 'a', 'a.b', 'a', '1'), ('{B}', now(), 'a', 'a.b', 'a', '2');
INSERT INTO audit_pending (entry_id) VALUES ('{B}');
INSERT INTO audit_seals (seq, entry_id, hash) VALUES (1, '{A}', decode(repeat('01', 32), 'hex'));
INSERT INTO audit_head (id, seq, hash, signature) VALUES (1, 1, '', '');
INSERT INTO beat_slots (job, slot) VALUES ('maintenance.sweep', '2026-01-01T00:00:00Z');
INSERT INTO heartbeats (name, last_seen_at) VALUES ('beat', now());
INSERT INTO test_clocks (id, name, status, frozen_time, created_at) VALUES ('{A}', 'a year', 'ready', now(), now());
INSERT INTO customers (id, external_id, email, currency, country, metadata, gateway_id, created_at, updated_at)
VALUES ('{A}', 'their-1', 'a@example.com', 'EUR', 'DE', '{{}}', 'cus_1', now(), now()),
       ('{B}', NULL, 'b@example.com', NULL, NULL, '{{}}', NULL, now(), now());
INSERT INTO inbox_events (id, source, external_id, type, livemode, payload, status, received_at)
VALUES ('{A}', 'stripe', 'evt_1', 'a.b', false, '{{}}', 'received', now());
INSERT INTO operations (id, kind, status, customer_id, resource_type, resource_id, params, created_at)
VALUES ('{A}', 'payment.create', 'queued', '{A}', 'payment', 'pay_1', '{{}}', now()),
       ('{B}', 'payment.confirm', 'queued', '{B}', 'payment', 'pay_2', '{{}}', now());
INSERT INTO ledger_entries (id, key, kind, occurred_at, recorded_at, customer_id, reference, lines)
VALUES ('{A}', 'k', 'payment_captured', now(), now(), '{A}', 'pay_1', 2);
INSERT INTO ledger_postings (entry_id, line, account, asset, amount)
VALUES ('{A}', 1, 'gateway_clearing', 'USD', 100), ('{A}', 2, 'revenue', 'USD', -100);
INSERT INTO ledger_totals (account, asset, debit, credit, up_to) VALUES ('revenue', 'USD', 0, 100, 1);
INSERT INTO idempotency_keys (caller, key, request_hash, response_status, response_body, created_at, expires_at)
VALUES ('a', 'k', decode(repeat('01', 32), 'hex'), 200, '{{}}', now(), now());
INSERT INTO outbox_events (id, type, object_type, object_id, payload, created_at)
VALUES ('{A}', 'a.b', 'a', '1', '{{}}', now());
INSERT INTO outbox_deliveries (id, event_id, consumer, status) VALUES ('{A}', '{A}', 'gateway_customer', 'pending');
INSERT INTO webhook_endpoints (id, url, events, status, secret, metadata, created_at, updated_at)
VALUES ('{A}', 'https://a.example/', '{{*}}', 'enabled', '', '{{}}', now(), now());
INSERT INTO webhook_deliveries (id, event_id, endpoint_id, lane, status, created_at)
VALUES ('{A}', '{A}', '{A}', '{A}', 'pending', now());
INSERT INTO webhook_attempts (id, delivery_id, at, duration_ms) VALUES ('{A}', '{A}', now(), 1);
INSERT INTO payments (id, customer_id, status, amount_minor, currency, capture, off_session, metadata, gateway_id,
    created_at, updated_at)
VALUES ('{A}', '{A}', 'succeeded', 2900, 'USD', 'automatic', false, '{{}}', 'pi_1', now(), now()),
       ('{B}', '{A}', 'pending', 2900, 'USD', 'automatic', false, '{{}}', NULL, now(), now());
UPDATE payments SET amount_captured_minor = 2900, amount_refunded_minor = 900 WHERE id = '{A}';
INSERT INTO payment_attempts (id, payment_id, operation_id, kind, status, params, started_at)
VALUES ('{A}', '{A}', '{A}', 'create', 'in_flight', '{{}}', now());
INSERT INTO payment_methods (id, customer_id, type, last4, exp_month, is_default, attached_at)
VALUES ('pm_1', '{A}', 'card', '4242', 12, true, now()), ('pm_2', '{A}', 'card', '0005', 1, false, now());
INSERT INTO refunds (id, payment_id, status, amount_minor, currency, gateway_id, created_at, updated_at)
VALUES ('{A}', '{A}', 'succeeded', 900, 'USD', 're_1', now(), now());
INSERT INTO disputes (id, customer_id, payment_id, status, amount_minor, currency, reason, gateway_id, evidence_provided,
    evidence_submissions, opened_at, created_at, updated_at)
VALUES ('{A}', '{A}', '{A}', 'needs_response', 2000, 'USD', 'fraudulent', 'du_1', '{{}}', 0, now(), now(), now());
INSERT INTO credit_accounts (customer_id, shard, seq, balance, held, debt) VALUES ('{A}', 10, 1, 5, 0, 0);
INSERT INTO credit_epoch (id, epoch) VALUES (1, 1);
INSERT INTO credit_grants (id, customer_id, kind, amount, remaining, priority, created_at)
VALUES ('{A}', '{A}', 'promotion', 5, 5, 10, now());
INSERT INTO auto_top_ups (customer_id, enabled, threshold, credits, payment_method_id, max_per_day, updated_at)
VALUES ('{A}', true, 100, 500, 'pm_1', 3, now());
INSERT INTO credit_purchases (id, customer_id, credits, price_minor, currency, created_at)
VALUES ('{A}', '{A}', 500, 500, 'USD', now());
INSERT INTO credit_holds (id, customer_id, amount, status, metadata, parts, created_at)
VALUES ('{A}', '{A}', 5, 'active', '{{}}', '[]', now());
INSERT INTO credit_transactions (id, customer_id, seq, type, amount, balance, held, debt, metadata, changes, paid, created_at)
VALUES ('{A}', '{A}', 1, 'grant', 5, 5, 0, 0, '{{}}', '{{}}', '{{}}', now());
INSERT INTO credit_usage (customer_id, day, operation, project, amount, count) VALUES ('{A}', '2026-11-25', 'x', '', 1, 1);
INSERT INTO setup_intents (id, customer_id, status, gateway_id, created_at, updated_at)
VALUES ('{A}', '{A}', 'succeeded', 'seti_1', now(), now());
INSERT INTO meters (id, code, name, event_type, aggregation, value_property, credits_numerator, credits_denominator, rounding,
    created_at)
VALUES ('{A}', 'tokens', 'Tokens', 'ai.generated', 'sum', 'tokens', 1, 1000, 'up', now());
INSERT INTO usage_events (id, customer_id, meter_id, source, event_id, occurred_at, quantity, project, actor, received_at)
VALUES ('{A}', '{A}', '{A}', 'shop', '1', now(), 350, '', 'key_1', now());
INSERT INTO usage_totals (customer_id, meter_id, day, quantity, count) VALUES ('{A}', '{A}', '2026-11-25', 350, 1);
INSERT INTO usage_charges (id, customer_id, credits) VALUES ('{A}', '{A}', 1);
INSERT INTO plans (id, code, name, description, position, kind, active, created_at, updated_at)
VALUES ('{A}', 'a', 'A', '', 9, 'plan', true, now(), now());
INSERT INTO plan_versions (id, plan_id, number, credits_per_month, credits_unlimited, published_at)
VALUES ('{A}', '{A}', 1, 100, false, now());
INSERT INTO plan_features (version_id, feature, limit_value, unlimited) VALUES ('{A}', 'projects', 5, false);
INSERT INTO prices (id, version_id, interval, currency, scheme, unit_amount, tax_behavior, customer_id, created_at)
VALUES ('{A}', '{A}', 'month', 'USD', 'flat', 2900, 'exclusive', NULL, now()),
       ('{B}', '{A}', 'month', 'USD', 'flat', 2500, 'exclusive', '{A}', now());
INSERT INTO coupons (id, code, name, percent_off, amount_off_minor, currency, duration, active, created_at)
VALUES ('{A}', 'WELCOME', 'Welcome', 10, NULL, NULL, 'once', true, now()),
       ('{B}', 'FIVE', 'Five', NULL, 500, 'USD', 'forever', true, now());
INSERT INTO subscriptions (id, customer_id, external_id, status, plan_id, plan_version_id, interval, currency, anchor, anchor_day,
    current_period_start, current_period_end, collection, days_until_due, auto_renew, proration_granularity,
    proration_event_day, cancel_at_period_end, next_action_at, metadata, created_at, updated_at)
VALUES ('{A}', '{A}', 'their-2', 'active', '{A}', '{A}', 'month', 'USD', '2026-01-31T00:00:00Z', 31, '2026-01-31T00:00:00Z',
    '2026-02-28T00:00:00Z', 'automatic', 0, true, 'second', 'new_plan', false, '2026-02-28T00:00:00Z', '{{}}', now(), now());
INSERT INTO subscription_items (id, subscription_id, price_id, quantity, started_at) VALUES ('{A}', '{A}', '{A}', 1, now());
INSERT INTO subscription_changes (id, subscription_id, plan_id, plan_version_id, interval, quantity, ends, restarts_period,
    anchor_day, when_unpaid, upgrade_credits, changes_at, invoice_id, created_at)
    VALUES ('{A}', '{A}', '{A}', '{A}', 'month', 1, '{{}}', false, 15, 'wait', 'none', now(), '{A}', now());
INSERT INTO usage_billings (id, subscription_item_id, period_start, period_end, quantity, amount_minor, currency)
VALUES ('{A}', '{A}', '2026-01-31T00:00:00Z', '2026-02-28T00:00:00Z', 5, 10, 'USD');
INSERT INTO subscription_discounts (id, subscription_id, coupon_id, starts_at, ends_at)
VALUES ('{A}', '{A}', '{A}', now(), now() + interval '1 month');
INSERT INTO mirrored_subscriptions (id, gateway_id, version, gateway_customer_id, customer_id, status, gateway_status, plan_id,
    plan_version_id, interval, currency, items, anchor, current_period_start, current_period_end, collection, days_until_due,
    cancel_at_period_end, imported_as, metadata, created_at, updated_at)
VALUES ('{A}', 'sub_1', 1, 'cus_1', '{A}', 'active', 'active', '{A}', '{A}', 'month', 'USD', '[]', now(), now(), now(),
    'automatic', 0, true, '{A}', '{{}}', now(), now()),
    ('{B}', 'sub_2', 1, 'cus_1', '{A}', 'active', 'active', NULL, NULL, NULL, 'USD', '[]', now(), now(), now(),
    'automatic', 0, false, NULL, '{{}}', now(), now());
INSERT INTO plan_allowances (id, mirror_id, customer_id, month_start, part, credits, expires_at, created_at)
VALUES ('{B}', '{A}', '{A}', '2026-01-31T00:00:00Z', 0, 1000, '2026-02-28T00:00:00Z', now());
INSERT INTO plan_credit_limits (customer_id, unlimited) VALUES ('{A}', true);
INSERT INTO plan_allowances (id, subscription_id, customer_id, month_start, part, credits, expires_at, created_at)
VALUES ('{A}', '{A}', '{A}', '2026-01-31T00:00:00Z', 0, 1000, '2026-02-28T00:00:00Z', now());
INSERT INTO invoices (id, customer_id, subscription_id, status, billing_reason, number, currency, period_start, period_end,
    subtotal_minor, discount_minor, tax_minor, total_minor, balance_minor, amount_due_minor, amount_paid_minor,
    amount_credited_minor, collection, days_until_due, finalized_at, metadata, created_at, updated_at)
SELECT id, '{A}', '{A}', 'open', reason, number, 'USD', '2026-01-31T00:00:00Z', '2026-02-28T00:00:00Z', 2900, 0, 580, 3480, 0,
    3480, 0, 0, 'automatic', 0, now(), '{{}}', now(), now()
FROM (VALUES ('{A}'::uuid, 'subscription_create', 'INV-2026-000001'), ('{B}'::uuid, 'manual', 'INV-2026-000002'))
    AS new (id, reason, number);
INSERT INTO invoice_lines (invoice_id, position, kind, description, quantity, currency, amount_minor, discount_minor, formula,
    period_start, period_end, price_id, subscription_item_id, share_parts, share_of)
VALUES ('{A}', 1, 'recurring', 'A', 1, 'USD', 2900, 0, '29.00', '2026-01-31T00:00:00Z', '2026-02-28T00:00:00Z', '{A}', '{A}',
    1, 1);
INSERT INTO pending_lines (id, subscription_id, kind, description, quantity, currency, amount_minor, discount_minor, formula,
    period_start, period_end, price_id, subscription_item_id, share_parts, share_of, created_at)
VALUES ('{A}', '{A}', 'proration_charge', 'A', 1, 'USD', 100, 0, '1.00', '2026-01-31T00:00:00Z', '2026-02-28T00:00:00Z', '{A}',
    '{A}', 1, 1, now());
INSERT INTO invoice_taxes (invoice_id, position, name, rate, currency, taxable_minor, amount_minor, reason)
VALUES ('{A}', 1, 'Tax', 0.2, 'USD', 2900, 580, 'TAX_RATE');
INSERT INTO credit_notes (id, invoice_id, customer_id, number, currency, subtotal_minor, tax_minor, total_minor, open_minor,
    balance_minor, refund_minor, refund_id, metadata, created_at)
SELECT id, '{A}', '{A}', number, 'USD', 1000, 200, 1200, 1200, 0, 0, refund_id, '{{}}', now()
FROM (VALUES ('{A}'::uuid, 'INV-CN-2026-000001', NULL), ('{B}'::uuid, 'INV-CN-2026-000002', '{A}'::uuid))
    AS new (id, number, refund_id);
INSERT INTO credit_note_lines (credit_note_id, position, invoice_id, line_position, description, currency, amount_minor, formula)
VALUES ('{A}', 1, '{A}', 1, 'A', 'USD', 1000, '10.00');
INSERT INTO credit_note_taxes (credit_note_id, position, name, rate, currency, taxable_minor, amount_minor)
VALUES ('{A}', 1, 'Tax', 0.2, 'USD', 1000, 200);
INSERT INTO invoice_series (series, last_number) VALUES ('INV-2026', 2);
INSERT INTO customer_balances (customer_id, currency, amount_minor, updated_at) VALUES ('{A}', 'USD', 100, now());
INSERT INTO dunning_cases (id, invoice_id, customer_id, subscription_id, status, failures, attempt_id, category, due_at,
    next_step, next_step_at, reason, opened_at)
VALUES ('{A}', '{A}', '{A}', '{A}', 'open', 1, '{A}', 'soft', now(), 'retry', now(), 'attempt 2 of 5', now());
INSERT INTO entitlement_uses (customer_id, feature, period_start, used, updated_at)
VALUES ('{A}', 'ai_requests', '2026-11-01', 3, now());
INSERT INTO reconciliation_runs (id, since, until, status, step, counts, totals, requested_by, started_at)
VALUES ('{A}', now() - interval '1 day', now(), 'running', 'payments', '{{}}', '{{}}', 'worker', now());
INSERT INTO reconciliation_differences (id, object_type, subject, kind, mend, state, first_run_id, first_seen_at, last_seen_at)
VALUES ('{A}', 'payment', 'pi_1', 'status_differs', 'apply_gateway_state', 'open', '{A}', now(), now());
INSERT INTO reconciliation_findings (run_id, difference_id) VALUES ('{A}', '{A}');
INSERT INTO reconciliation_seen (run_id, object_type, gateway_id) VALUES ('{A}', 'payment', 'pi_1');
"""

ENTRY = (
    "INSERT INTO ledger_entries (id, key, kind, occurred_at, recorded_at, lines) "
    f"VALUES ('{B}', 'other', '{{kind}}', now(), now(), {{lines}})"
)
POSTING = (
    "INSERT INTO ledger_postings (entry_id, line, account, asset, amount) "
    f"VALUES ('{A}', {{line}}, '{{account}}', '{{asset}}', {{amount}})"
)
