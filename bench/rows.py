"""Rows that a benchmark begins with: made by SQL, as the service would have written them."""

import json
import uuid

import psycopg
from psycopg import sql

from bench.events import padded
from models.ids import new_id

_LONG_AGO = "2026-01-01T00:00:00Z"
_COPY_PAYMENTS = (
    "COPY payments (id, customer_id, status, amount_minor, currency, capture, off_session, metadata, version, gateway_id, "
    "created_at, updated_at) FROM STDIN"
)
_COPY_EVENTS = "COPY inbox_events (id, source, external_id, type, livemode, payload, status, received_at) FROM STDIN"


def add_customer(connection: psycopg.Connection, *, gateway_id: str) -> uuid.UUID:
    """Add a customer that the gateway knows, and return its id."""
    customer = new_id()
    connection.execute(
        "INSERT INTO customers (id, email, gateway_id, metadata, created_at, updated_at) "
        "VALUES (%s, 'bench@example.com', %s, '{}', now(), now())",
        (customer, gateway_id),
    )
    return customer


def add_settling_payments(connection: psycopg.Connection, *, count: int) -> list[dict[str, object]]:
    """Add payments that wait for the bank, and return for each the three events that tell of it, the newest first."""
    gateway_customer = f"cus_{uuid.uuid4().hex}"
    customer = add_customer(connection, gateway_id=gateway_customer)
    intents = [f"pi_{uuid.uuid4().hex}" for _ in range(count)]
    with connection.cursor() as cursor, cursor.copy(_COPY_PAYMENTS) as copy:
        for intent in intents:
            terms = (2000, "EUR", "automatic", False, "{}")
            copy.write_row((new_id(), customer, "processing", *terms, 1, intent, _LONG_AGO, _LONG_AGO))
    return [event for intent in intents for event in _events_of(intent, gateway_customer)]


def store_events(connection: psycopg.Connection, events: list[dict[str, object]]) -> None:
    """Put events into the inbox, due."""
    with connection.cursor() as cursor, cursor.copy(_COPY_EVENTS) as copy:
        for event in events:
            of = (event["id"], event["type"], False, json.dumps(event))
            copy.write_row((new_id(), "stripe", *of, "received", _LONG_AGO))


def fill(connection: psycopg.Connection, *, rows: int) -> None:
    """Fill each table that grows with `rows` finished rows, and let the planner know."""
    customer = add_customer(connection, gateway_id="cus_of_old_times")
    connection.execute("SET session_replication_role = replica")  # triggers and foreign keys would only cost time
    for table, statement in _FILLINGS.items():
        connection.execute(statement.encode(), {"rows": rows, "customer": customer})
        connection.execute(sql.SQL("VACUUM ANALYZE {}").format(sql.Identifier(table)))


def _events_of(intent: str, customer: str) -> list[dict[str, object]]:
    charge = f"ch_{intent[3:]}"
    told = {
        "payment_intent.succeeded": {"id": intent, "object": "payment_intent", "status": "succeeded"},
        "charge.succeeded": {"id": charge, "object": "charge", "payment_intent": intent, "status": "succeeded"},
        "payment_intent.processing": {"id": intent, "object": "payment_intent", "status": "processing"},
    }
    amounts = {"amount": 2000, "amount_received": 2000, "currency": "eur", "livemode": False, "customer": customer}
    return [
        padded(
            {
                "id": f"evt_{uuid.uuid4().hex}",
                "object": "event",
                "type": type_,
                "livemode": False,
                "created": 1_767_225_600,
                "data": {"object": {**of, **amounts, "metadata": {}}},
            }
        )
        for type_, of in told.items()
    ]


_FILLINGS = {
    "inbox_events": """
        INSERT INTO inbox_events (id, source, external_id, type, livemode, payload, status, result, received_at,
            processed_at, next_attempt_at)
        SELECT uuidv7(), 'stripe', 'evt_old_' || n, 'payment_intent.succeeded', false, '{"data": {"object": {}}}',
            'processed', 'old', now() - n * interval '1 second', now(), NULL FROM generate_series(1, %(rows)s) n
    """,
    "payments": """
        INSERT INTO payments (id, customer_id, status, amount_minor, currency, capture, off_session, metadata,
            amount_captured_minor, gateway_id, created_at, updated_at)
        SELECT uuidv7(), %(customer)s, 'succeeded', 100, 'EUR', 'automatic', false, '{}', 100, 'pi_old_' || n,
            now() - n * interval '1 second', now() FROM generate_series(1, %(rows)s) n
    """,
    "operations": """
        INSERT INTO operations (id, kind, customer_id, resource_type, resource_id, params, status, outcome_status,
            outcome_body, created_at, finished_at, next_attempt_at)
        SELECT uuidv7(), 'payment.create', %(customer)s, 'payment', 'pay_old_' || n, '{}', 'succeeded', 201, '{}',
            now() - n * interval '1 second', now(), NULL FROM generate_series(1, %(rows)s) n
    """,
    "outbox_events": """
        INSERT INTO outbox_events (id, type, object_type, object_id, customer_id, payload, created_at)
        SELECT uuidv7(), 'payment.succeeded', 'payment', 'pay_old_' || n, %(customer)s, '{}',
            now() - n * interval '1 second' FROM generate_series(1, %(rows)s) n
    """,
    "audit_entries": """
        INSERT INTO audit_entries (id, at, actor, action, object_type, object_id)
        SELECT uuidv7(), now() - n * interval '1 second', 'worker', 'payment.succeeded', 'payment', 'pay_old_' || n
        FROM generate_series(1, %(rows)s) n
    """,
    "idempotency_keys": """
        INSERT INTO idempotency_keys (caller, key, request_hash, response_status, response_body, created_at, expires_at)
        SELECT 'key_old', 'old-' || n, sha256(n::text::bytea), 202, '{}', now(), now() + interval '1 day'
        FROM generate_series(1, %(rows)s) n
    """,
}
