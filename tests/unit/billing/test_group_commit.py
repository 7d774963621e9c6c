"""Group commit: who comes while a group is written waits for the next one, and learns what became of its own item."""

import threading
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import pytest

from billing.errors import Unavailable
from billing.group_commit import GroupCommit

_SECONDS = 10


class Database:
    """Takes groups of numbers, and gives ten times each; holds every group until it is let go."""

    def __init__(self, *, refused: int | None = None, error: Exception | None = None) -> None:
        self.groups: list[list[int]] = []
        self.reached = threading.Semaphore(0)
        self.let_go = threading.Semaphore(0)
        self._refused = refused
        self._error = error or ValueError("cannot be written")

    def write(self, numbers: Sequence[int]) -> list[int]:
        self.groups.append(list(numbers))
        self.reached.release()
        assert self.let_go.acquire(timeout=_SECONDS)
        if self._refused in numbers:
            raise self._error
        return [number * 10 for number in numbers]


def _waiting(commit: GroupCommit[int, int], count: int) -> None:
    """Return once so many wait; they have nothing else to do than to come."""
    while len(commit._waiting) < count:
        threading.Event().wait(0.001)


def _one_writes_while_others_come(
    database: Database, numbers: Sequence[int], *, limit: int = 8
) -> tuple[ThreadPoolExecutor, list[Future[Any]]]:
    """Let the first write, and the others come, one after the other, while it does."""
    commit = GroupCommit(database.write, limit=limit)
    pool = ThreadPoolExecutor(len(numbers))
    futures = []
    for place, number in enumerate(numbers):
        futures.append(pool.submit(commit.submit, number))
        if place == 0:
            assert database.reached.acquire(timeout=_SECONDS)
        else:
            _waiting(commit, place)
    database.let_go.release(100)
    return pool, futures


def test_alone_one_writes_at_once() -> None:
    database = Database()
    database.let_go.release()
    assert GroupCommit(database.write, limit=8).submit(4) == 40
    assert database.groups == [[4]]


def test_what_came_meanwhile_is_one_group_and_each_gets_its_own_result() -> None:
    database = Database()
    pool, futures = _one_writes_while_others_come(database, [1, 2, 3, 4])
    with pool:
        assert [future.result(_SECONDS) for future in futures] == [10, 20, 30, 40]
    assert database.groups == [[1], [2, 3, 4]]


def test_a_group_is_no_larger_than_the_limit() -> None:
    database = Database()
    pool, futures = _one_writes_while_others_come(database, [1, 2, 3, 4, 5, 6], limit=2)
    with pool:
        assert [future.result(_SECONDS) for future in futures] == [10, 20, 30, 40, 50, 60]
    assert database.groups == [[1], [2, 3], [4, 5], [6]]


def test_one_that_cannot_be_written_costs_its_neighbours_nothing() -> None:
    database = Database(refused=3)
    pool, futures = _one_writes_while_others_come(database, [1, 2, 3, 4])
    with pool:
        assert [futures[place].result(_SECONDS) for place in (0, 1, 3)] == [10, 20, 40]
        with pytest.raises(ValueError, match="cannot be written"):
            futures[2].result(_SECONDS)


def test_one_alone_that_cannot_be_written_is_tried_once() -> None:
    database = Database(refused=3)
    database.let_go.release()
    with pytest.raises(ValueError, match="cannot be written"):
        GroupCommit(database.write, limit=8).submit(3)
    assert database.groups == [[3]]


def test_when_the_database_is_away_the_whole_group_hears_so_and_none_tries_again() -> None:
    database = Database(refused=3, error=Unavailable("away"))
    pool, futures = _one_writes_while_others_come(database, [1, 2, 3, 4])
    with pool:
        assert futures[0].result(_SECONDS) == 10
        for future in futures[1:]:
            with pytest.raises(Unavailable):
                future.result(_SECONDS)
    assert database.groups == [[1], [2, 3, 4]]


def test_after_a_failure_the_next_is_written() -> None:
    database = Database(refused=3)
    database.let_go.release(2)
    commit = GroupCommit(database.write, limit=8)
    with pytest.raises(ValueError, match="cannot be written"):
        commit.submit(3)
    assert commit.submit(5) == 50
