"""What must hold of the credits in Postgres, each as one query of what breaks it. Each looks at one moment."""

from billing.ledger.checks import Check

ACCOUNTS_ARE_POSTED = Check(
    "credit_accounts_are_posted",
    "an account's balance, holds and debt are what its postings in the ledger add up to",
    """
    SELECT coalesce(a.customer_id, books.customer_id)::text AS subject,
        'account ' || coalesce(a.balance, 0) || '/' || coalesce(a.held, 0) || '/' || coalesce(a.debt, 0)
        || ', ledger ' || coalesce(books.balance, 0) || '/' || coalesce(books.held, 0) || '/' || coalesce(books.debt, 0)
        || ' (balance/held/debt)' AS detail
    FROM credit_accounts a FULL JOIN (
        SELECT customer_id,
            coalesce(-sum(amount) FILTER (WHERE account = 'customer_credits'), 0)::bigint AS balance,
            coalesce(-sum(amount) FILTER (WHERE account = 'customer_credits_held'), 0)::bigint AS held,
            coalesce(sum(amount) FILTER (WHERE account = 'customer_credit_debt'), 0)::bigint AS debt
        FROM ledger_postings WHERE asset = 'credits' AND customer_id IS NOT NULL GROUP BY customer_id
    ) books ON books.customer_id = a.customer_id
    WHERE (coalesce(a.balance, 0), coalesce(a.held, 0), coalesce(a.debt, 0))
        <> (coalesce(books.balance, 0), coalesce(books.held, 0), coalesce(books.debt, 0))
    """,
)
GRANTS_ADD_UP = Check(
    "credit_grants_add_up",
    "an account's balance is what its grants have left",
    """
    SELECT a.customer_id::text AS subject, 'balance ' || a.balance || ', grants ' || coalesce(g.remaining, 0) AS detail
    FROM credit_accounts a LEFT JOIN (
        SELECT customer_id, sum(remaining)::bigint AS remaining FROM credit_grants GROUP BY customer_id
    ) g ON g.customer_id = a.customer_id WHERE a.balance <> coalesce(g.remaining, 0)
    """,
)
HOLDS_ADD_UP = Check(
    "credit_holds_add_up",
    "what an account holds is what its active holds add up to",
    """
    SELECT a.customer_id::text AS subject, 'held ' || a.held || ', holds ' || coalesce(h.amount, 0) AS detail
    FROM credit_accounts a LEFT JOIN (
        SELECT customer_id, sum(amount)::bigint AS amount FROM credit_holds WHERE status = 'active' GROUP BY customer_id
    ) h ON h.customer_id = a.customer_id WHERE a.held <> coalesce(h.amount, 0)
    """,
)
NOTHING_IS_MISSING = Check(
    "credit_transactions_are_all_there",
    "an account's transactions are numbered from 1 to its last, without a gap",
    """
    SELECT a.customer_id::text AS subject, 'the last is ' || a.seq || ', there are ' || coalesce(t.count, 0) AS detail
    FROM credit_accounts a LEFT JOIN (
        SELECT customer_id, count(*) AS count FROM credit_transactions GROUP BY customer_id
    ) t ON t.customer_id = a.customer_id WHERE a.seq <> coalesce(t.count, 0)
    """,
)
USAGE_ADDS_UP = Check(
    "credit_usage_adds_up",
    "the usage of a customer is what its deductions and captures add up to",
    """
    SELECT coalesce(u.customer_id, t.customer_id)::text AS subject,
        'usage ' || coalesce(u.amount, 0) || ', transactions ' || coalesce(t.amount, 0) AS detail
    FROM (SELECT customer_id, sum(amount)::bigint AS amount FROM credit_usage GROUP BY customer_id) u
    FULL JOIN (
        SELECT customer_id, sum(amount)::bigint AS amount FROM credit_transactions
        WHERE type IN ('deduct', 'capture') GROUP BY customer_id
    ) t ON t.customer_id = u.customer_id WHERE coalesce(u.amount, 0) <> coalesce(t.amount, 0)
    """,
)
# A transfer's credits are two customers', in two shards, whose journals are drained one after the other: for a moment Postgres
# may have them twice or not at all. Purchases of which a transfer is, or just was, under way are left for the next time.
PURCHASES_ADD_UP = Check(
    "credit_purchases_add_up",
    "of a purchase's credits, what is not gone for good is what its grants have left and holds reserve",
    """
    WITH parts AS (
        SELECT coalesce(g.origin, g.id) AS root, (part ->> 1)::bigint AS amount, h.counterpart IS NOT NULL AS sent
        FROM credit_holds h CROSS JOIN LATERAL jsonb_array_elements(h.parts) part
        JOIN credit_grants g ON g.id = (part ->> 0)::uuid
        WHERE h.status = 'active' OR (h.counterpart IS NOT NULL AND h.ended_at > now() - interval '10 minutes')
    )
    SELECT p.id::text AS subject,
        'not gone ' || (p.credits - p.released) || ', left ' || coalesce(g.remaining, 0)
        || ', held ' || coalesce(h.amount, 0) AS detail
    FROM credit_purchases p LEFT JOIN (
        SELECT coalesce(origin, id) AS root, sum(remaining)::bigint AS remaining FROM credit_grants GROUP BY 1
    ) g ON g.root = p.id LEFT JOIN (
        SELECT root, sum(amount)::bigint AS amount, bool_or(sent) AS sent FROM parts GROUP BY root
    ) h ON h.root = p.id
    WHERE p.granted > 0 AND NOT coalesce(h.sent, false)
        AND p.credits - p.released <> coalesce(g.remaining, 0) + coalesce(h.amount, 0)
    """,
)
REVENUE_IS_DEFERRED = Check(
    "deferred_revenue_is_unused_credits",
    "a customer's deferred revenue is what the credits that it paid for, and that are not gone, have cost",
    """
    SELECT coalesce(books.customer_id, bought.customer_id) || ' ' || coalesce(books.asset, bought.currency) AS subject,
        'deferred ' || coalesce(books.amount, 0) || ', unused credits ' || coalesce(bought.amount, 0) AS detail
    FROM (
        SELECT customer_id, asset, -sum(amount)::bigint AS amount FROM ledger_postings
        WHERE account = 'deferred_revenue' GROUP BY customer_id, asset
    ) books FULL JOIN (
        SELECT c.customer_id, c.currency,
            sum(p.amount_captured_minor - floor(c.price_minor::numeric * c.released / c.credits))::bigint AS amount
        FROM credit_purchases c JOIN payments p ON p.id = c.id GROUP BY c.customer_id, c.currency
    ) bought ON bought.customer_id = books.customer_id AND bought.currency = books.asset
    WHERE coalesce(books.amount, 0) <> coalesce(bought.amount, 0)
    """,
)
TRANSFERS_ARRIVE_ONCE = Check(
    "credit_transfers_arrive_once",
    "a transfer leaves its sender at most once, and reaches its receiver at most once",
    """
    SELECT reference AS subject, count(*) || ' times ' || type AS detail FROM credit_transactions
    WHERE type IN ('transfer_in', 'transfer_out') GROUP BY reference, type HAVING count(*) > 1
    """,
)
CHECKS = (
    TRANSFERS_ARRIVE_ONCE,
    ACCOUNTS_ARE_POSTED,
    GRANTS_ADD_UP,
    HOLDS_ADD_UP,
    NOTHING_IS_MISSING,
    USAGE_ADDS_UP,
    PURCHASES_ADD_UP,
    REVENUE_IS_DEFERRED,
)
