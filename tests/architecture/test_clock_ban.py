"""Only billing/clock.py reads a clock; ruff refuses it anywhere else."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.architecture.source_tree import ROOT

RUFF = Path(sys.executable).with_name("ruff")
CLOCKS = [
    "from datetime import UTC, datetime\n\nnow = datetime.now(tz=UTC)\n",
    "import datetime as dt\n\nnow = dt.datetime.now(tz=dt.UTC)\n",
    "from datetime import datetime\n\nnow = datetime.utcnow()\n",
    "from datetime import datetime\n\nnow = datetime.today()\n",
    "from datetime import date\n\ntoday = date.today()\n",
    "import time\n\nseconds = time.time()\n",
    "from time import time_ns\n\nnanoseconds = time_ns()\n",
]


def refused(code: str, *, path: str) -> bool:
    result = subprocess.run(
        [RUFF, "check", "--no-cache", "--quiet", "--select", "TID251", "--stdin-filename", path, "-"],
        cwd=ROOT,
        input=code,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    return result.returncode != 0


@pytest.mark.parametrize("code", CLOCKS)
def test_a_clock_is_refused(code: str) -> None:
    assert refused(code, path="billing/payments/create.py")


def test_the_one_clock_may_be_read_where_it_lives() -> None:
    assert not refused(CLOCKS[0], path="billing/clock.py")


def test_time_that_runs_evenly_is_no_clock() -> None:
    """Durations are measured with it; nothing is due by it."""
    assert not refused("import time\n\nstarted = time.monotonic()\n", path="tasks/base.py")
