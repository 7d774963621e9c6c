"""What must hold of usage, each as one query of what breaks it. Each looks at one moment.

What a day costs is computed here once more, by the database and in other words than in rate.py.
"""

from billing.ledger.checks import Check

TOTALS_ADD_UP = Check(
    "usage_totals_add_up",
    "what a customer used on a day is what the events of that day add up to",
    """
    SELECT customer_id || ' ' || meter_id || ' ' || day AS subject,
        'total ' || coalesce(t.quantity, 0) || ' in ' || coalesce(t.count, 0)
        || ', events ' || coalesce(e.quantity, 0) || ' in ' || coalesce(e.count, 0) AS detail
    FROM usage_totals t FULL JOIN (
        SELECT customer_id, meter_id, (occurred_at AT TIME ZONE 'UTC')::date AS day, sum(quantity) AS quantity, count(*) AS count
        FROM usage_events GROUP BY 1, 2, 3
    ) e USING (customer_id, meter_id, day)
    WHERE (coalesce(t.quantity, 0), coalesce(t.count, 0)) <> (coalesce(e.quantity, 0), coalesce(e.count, 0))
    """,
)
CHARGES_ADD_UP = Check(
    "usage_charges_add_up",
    "what the events of a customer's day cost is the day's total at the meter's rate, rounded as the meter says",
    """
    WITH due AS (
        SELECT t.customer_id, t.meter_id, t.day, t.quantity * m.credits_numerator AS units, m.credits_denominator AS per,
            m.rounding
        FROM usage_totals t JOIN meters m ON m.id = t.meter_id
    ), costs AS (
        SELECT customer_id, meter_id, day, CASE rounding
            WHEN 'down' THEN div(units, per)
            WHEN 'half_up' THEN div(2 * units + per, 2 * per)
            WHEN 'up' THEN div(units, per) + (mod(units, per) > 0)::int
        END AS credits FROM due
    ), charged AS (
        SELECT e.customer_id, e.meter_id, (e.occurred_at AT TIME ZONE 'UTC')::date AS day, sum(c.credits) AS credits
        FROM usage_charges c JOIN usage_events e ON e.id = c.id GROUP BY 1, 2, 3
    )
    SELECT customer_id || ' ' || meter_id || ' ' || day AS subject,
        'costs ' || coalesce(costs.credits, 0) || ', charges ' || coalesce(charged.credits, 0) AS detail
    FROM costs FULL JOIN charged USING (customer_id, meter_id, day)
    WHERE coalesce(costs.credits, 0) <> coalesce(charged.credits, 0)
    """,
)
CHARGES_ARE_DEDUCTED = Check(
    "usage_charges_are_deducted",
    "a charge that is closed is a deduction of the same credits from the same customer",
    """
    SELECT c.id::text AS subject, 'charge ' || c.credits || ', deducted ' || coalesce(t.amount, 0) AS detail
    FROM usage_charges c LEFT JOIN credit_transactions t ON t.id = c.id
    WHERE (c.status = 'charged' AND t.id IS NULL)
        OR (t.type, t.customer_id, t.amount) <> ('deduct', c.customer_id, c.credits)
    """,
)
CHECKS = (TOTALS_ADD_UP, CHARGES_ADD_UP, CHARGES_ARE_DEDUCTED)
