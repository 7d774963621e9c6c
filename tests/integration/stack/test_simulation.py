"""`billing simulate` on the real stack: the same seed gives the same books, and they hold."""

import json
import time
from typing import Any

import pytest

from tests.integration.stack.conftest import LiveStack

COHORT = ("--customers", "12", "--months", "2", "--seed", "11")
SECONDS_MAX = 100.0


def simulated(stack: LiveStack, *more: str) -> dict[str, Any]:
    began = time.monotonic()
    told = stack.billing("simulate", *COHORT, "--json", *more)
    assert told.returncode == 0, told.stdout + told.stderr
    assert time.monotonic() - began < SECONDS_MAX
    assert "12 customers, 2 months: 100%" in told.stderr
    books: dict[str, Any] = json.loads(told.stdout)
    return books


@pytest.mark.timeout(300)  # two simulations, and the stack's own start
def test_the_same_seed_gives_the_same_books(stack: LiveStack) -> None:
    first = simulated(stack)
    again = simulated(stack, "--keep")

    assert first == again
    assert first["customers"] == 12
    assert [check["rule"] for check in first["checks"] if not check["holds"]] == []
    assert sum(first["subscriptions"].values()) == 12
    assert sum(each["amount"] for each in first["collected"]) == first["collected_total"][0]["amount"] > 0
    # Only the second is kept; the first cohort's customers are hidden with their clock.
    clocks = stack.call("GET", "/test-clocks").json()["data"]
    (kept,) = (clock for clock in clocks if clock["name"].startswith("simulation"))
    assert kept["frozen_time"] == "2026-03-01T00:00:00.000Z"
    assert len(stack.call("GET", f"/customers?test_clock={kept['id']}&limit=100").json()["data"]) == 12
    assert stack.call("DELETE", f"/test-clocks/{kept['id']}").status_code == 200
