-- The sandbox's memory. Bodies are JSON; what lists filter by stands beside them in `facets`.

CREATE TABLE IF NOT EXISTS objects (
    seq     INTEGER PRIMARY KEY,
    id      TEXT NOT NULL UNIQUE,
    kind    TEXT NOT NULL,
    created INTEGER NOT NULL,
    body    TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS objects_by_kind ON objects (kind, seq);

-- One row for each value that a list or a search can ask for: ('charge', 'customer', 'cus_…', 17).
CREATE TABLE IF NOT EXISTS facets (
    kind  TEXT NOT NULL,
    field TEXT NOT NULL,
    value TEXT NOT NULL,
    seq   INTEGER NOT NULL REFERENCES objects (seq),
    PRIMARY KEY (kind, field, value, seq)
) WITHOUT ROWID;

-- Answers kept under an Idempotency-Key, in the transaction of what they answer for.
CREATE TABLE IF NOT EXISTS idempotency_keys (
    key         TEXT PRIMARY KEY,
    path        TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    request_id  TEXT NOT NULL,
    status      INTEGER NOT NULL,
    body        BLOB NOT NULL,
    created     INTEGER NOT NULL
);
CREATE INDEX IF NOT EXISTS idempotency_keys_by_age ON idempotency_keys (created);

-- Work that falls due by itself: a settlement, a refund that fails later, a dispute.
CREATE TABLE IF NOT EXISTS jobs (
    seq       INTEGER PRIMARY KEY,
    due_at    REAL NOT NULL,
    kind      TEXT NOT NULL,
    object_id TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS jobs_by_due ON jobs (due_at);

-- One row for each event and endpoint (several when duplicated). Deliveries go in the order in which they
-- fall due; `position` orders those that fall due together where that is not the order of their creation.
CREATE TABLE IF NOT EXISTS deliveries (
    seq         INTEGER PRIMARY KEY,
    position    INTEGER,
    event       TEXT NOT NULL,
    event_type  TEXT NOT NULL,
    endpoint    TEXT NOT NULL,
    state       TEXT NOT NULL CHECK (state IN ('held', 'pending', 'delivered', 'failed', 'dropped')),
    alone       INTEGER NOT NULL DEFAULT 0,
    attempts    INTEGER NOT NULL DEFAULT 0,
    due_at      REAL NOT NULL,
    status      INTEGER,
    error       TEXT,
    finished_at REAL
);
CREATE INDEX IF NOT EXISTS deliveries_pending ON deliveries (endpoint, due_at, coalesce(position, seq))
    WHERE state = 'pending';
CREATE INDEX IF NOT EXISTS deliveries_held ON deliveries (seq) WHERE state = 'held';
CREATE INDEX IF NOT EXISTS deliveries_by_event ON deliveries (event);

CREATE TABLE IF NOT EXISTS settings (
    name  TEXT PRIMARY KEY,
    value TEXT NOT NULL
);
