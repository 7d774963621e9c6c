"""One database transaction, and what must happen right after it.

A use case asks for a hint (`hint_after_commit`); whoever opened the transaction sends it once the commit is in. While a
transaction is open in this thread of control, no network call may be made: the gateway asks `inside_transaction()`.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from sqlalchemy.orm import Session, sessionmaker

from billing.hints import Hint

_HINTS = "hints"
_depth: ContextVar[int] = ContextVar("open_transactions", default=0)


def inside_transaction() -> bool:
    """Return whether this thread of control holds an open transaction."""
    return _depth.get() > 0


def hint_after_commit(session: Session, hint: Hint) -> None:
    """Note that, once `session` has committed, workers should look at the rows that `hint` names."""
    session.info.setdefault(_HINTS, set()).add(hint)


@contextmanager
def transaction(sessions: sessionmaker[Session], *, send_hint: Callable[[Hint], None]) -> Iterator[Session]:
    """Open a session, commit at the end, roll back on any exception, and send the hints after the commit."""
    token = _depth.set(_depth.get() + 1)
    try:
        with sessions() as session, session.begin():
            yield session
    finally:
        _depth.reset(token)
    for hint in sorted(session.info.pop(_HINTS, ())):
        send_hint(hint)
