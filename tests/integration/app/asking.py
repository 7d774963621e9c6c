"""Words for tests that look at answers rather than at stories."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import event

from tests.service.world import World

PROBLEM = "application/problem+json"
TABLES = (
    "customers", "payments", "payment_attempts", "payment_methods", "setup_intents", "refunds", "disputes", "operations",
    "outbox_events", "outbox_deliveries", "audit_entries", "audit_pending", "idempotency_keys", "inbox_events", "api_keys",
    "meters", "usage_events", "usage_totals", "usage_charges",
)  # fmt: skip


def rows_of_all_tables(world: World) -> dict[str, int]:
    """Return how many rows each table has, to show that nothing was left behind."""
    query = " UNION ALL ".join(f"SELECT '{table}' AS name, count(*) AS n FROM {table}" for table in TABLES)
    return {str(row["name"]): int(row["n"]) for row in world.rows(query)}


def require_problem(answer: Any, *, status: int, code: str) -> dict[str, Any]:
    """Assert that an answer is a problem as RFC 9457 has it, with all that ours carry, and return it."""
    assert answer.status_code == status, answer.text
    assert answer.content_type == PROBLEM
    problem: dict[str, Any] = answer.json
    assert problem["status"] == status
    assert problem["code"] == code
    assert problem["type"] == f"/docs/errors#{code}"
    assert problem["title"]
    assert problem["detail"]
    assert problem["instance"].startswith("/")
    assert problem["request_id"] == answer.headers["X-Request-Id"]
    assert not any(
        word in answer.text for word in ("Traceback", 'File "', "psycopg", "sqlalchemy", "SELECT ", "site-packages")
    )
    return problem


def faults(problem: dict[str, Any]) -> set[tuple[str, str]]:
    """Return the pointer and the code of each part at fault."""
    assert all(fault["detail"] for fault in problem["errors"])
    return {(fault["pointer"], fault["code"]) for fault in problem["errors"]}


@contextmanager
def statements(world: World) -> Iterator[list[str]]:
    """Collect the SQL that is sent meanwhile."""
    sent: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        sent.append(statement)

    event.listen(world.runtime.engine, "before_cursor_execute", note)
    try:
        yield sent
    finally:
        event.remove(world.runtime.engine, "before_cursor_execute", note)
