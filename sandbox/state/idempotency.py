"""Answers kept under an Idempotency-Key."""

from dataclasses import dataclass

from sandbox.state.store import Transaction

KEPT_SECONDS = 24 * 3600


@dataclass(frozen=True, slots=True)
class KeptAnswer:
    """What was answered under a key, and to which request."""

    path: str
    fingerprint: str
    request_id: str
    status: int
    body: bytes


def find_answer(*, transaction: Transaction, key: str, now: float) -> KeptAnswer | None:
    """Return the answer kept under the key, unless it is older than a day."""
    row = transaction.sql.execute(
        "SELECT path, fingerprint, request_id, status, body FROM idempotency_keys WHERE key = ? AND created > ?",
        (key, int(now) - KEPT_SECONDS),
    ).fetchone()
    return None if row is None else KeptAnswer(*row)


def keep_answer(*, transaction: Transaction, key: str, answer: KeptAnswer, now: float) -> None:
    """Keep an answer in the transaction of what it answers for, and forget those older than a day."""
    transaction.sql.execute("DELETE FROM idempotency_keys WHERE created <= ?", (int(now) - KEPT_SECONDS,))
    transaction.sql.execute(
        "INSERT INTO idempotency_keys (key, path, fingerprint, request_id, status, body, created) "
        "VALUES (?, ?, ?, ?, ?, ?, ?)",
        (key, answer.path, answer.fingerprint, answer.request_id, answer.status, answer.body, int(now)),
    )
