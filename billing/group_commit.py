"""Group commit: of many threads that each write one row, one writes for all that came meanwhile.

While a group is on its way to the database the next one gathers, so a statement and its commit are paid once for a group.
A thread that is alone writes at once: nobody is waited for.
"""

import threading
from collections import deque
from collections.abc import Callable, Sequence
from functools import partial
from typing import Generic, NoReturn, TypeVar

from billing.errors import Unavailable

Item = TypeVar("Item")
Result = TypeVar("Result")


class _Entry(Generic[Item, Result]):
    """What one thread wants written, and how it learns what became of it."""

    def __init__(self, item: Item) -> None:
        self.item = item
        self.outcome: Callable[[], Result] | None = None
        # Whoever waits takes it twice; it is given back with the outcome or, without one, when it is this thread's turn to write.
        self.turn = threading.Lock()


class GroupCommit(Generic[Item, Result]):
    """Writes items in groups of at most `limit`, one group at a time.

    `write` takes items and returns their results in the same order, all of them committed. It bounds its own time, and with
    it the time of those who wait.
    """

    def __init__(self, write: Callable[[Sequence[Item]], Sequence[Result]], *, limit: int) -> None:
        self._write = write
        self._limit = limit
        self._lock = threading.Lock()
        self._writing = False
        self._waiting: deque[_Entry[Item, Result]] = deque()

    def submit(self, item: Item) -> Result:
        """Return the result of `item` once it is committed. Raises what `write` raises for it."""
        entry: _Entry[Item, Result] = _Entry(item)
        with self._lock:
            self._waiting.append(entry)
            waits, self._writing = self._writing, True
            if waits:
                entry.turn.acquire()
        if waits:
            entry.turn.acquire()
        if entry.outcome is None:
            self._write_group()
        assert entry.outcome is not None  # whoever writes is of the group  # noqa: S101
        return entry.outcome()

    def _write_group(self) -> None:
        """Write for those that wait, the caller first among them; then it is the turn of the first that came meanwhile."""
        with self._lock:
            group = [self._waiting.popleft() for _ in range(min(self._limit, len(self._waiting)))]
        outcomes = self._outcomes(group)
        with self._lock:
            following = self._waiting[0] if self._waiting else None
            self._writing = following is not None
        if following is not None:
            following.turn.release()
        for entry, outcome in zip(group, outcomes, strict=True):
            entry.outcome = outcome
        for entry in group[1:]:
            entry.turn.release()

    def _outcomes(self, group: Sequence[_Entry[Item, Result]]) -> Sequence[Callable[[], Result]]:
        items = [entry.item for entry in group]
        try:
            results = self._write(items)
        except Unavailable as error:
            return [partial(_raise, error)] * len(group)
        except Exception as error:  # noqa: BLE001 - raised again, each in its own thread
            if len(group) == 1:
                return [partial(_raise, error)]
            # One of them cannot be written; each finds out for itself whether it is the one.
            return [partial(self._alone, item) for item in items]
        return [partial(_give, result) for result in results]

    def _alone(self, item: Item) -> Result:
        return self._write([item])[0]


def _give(result: Result) -> Result:
    return result


def _raise(error: Exception) -> NoReturn:
    raise error
