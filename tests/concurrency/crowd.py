"""Many at the same moment, and workers as if each were a process of its own."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from threading import Barrier
from typing import Any

from billing.runtime import Runtime
from billing.work_desk import WorkDesk
from tests.service.world import World


def at_once(times: int, action: Callable[[int], Any]) -> list[Any]:
    """Run `action(0)` … `action(times - 1)` in threads that start together, and return what they gave."""
    barrier = Barrier(times)

    def run(number: int) -> Any:
        barrier.wait(timeout=30)
        return action(number)

    with ThreadPoolExecutor(times) as pool:
        return list(pool.map(run, range(times)))


def workers(world: World, count: int) -> list[Runtime]:
    """Return what `count` worker processes hold: each leads its own work on operations."""
    return [replace(world.runtime, desk=WorkDesk()) for _ in range(count)]
