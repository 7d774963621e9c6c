"""Checks of this machine: Python, the disk, the embedded programs, the API's port."""

import shutil
import sys
from collections.abc import Callable
from pathlib import Path

from cli.doctor.finding import Finding, failed, ok, warning
from local.data_dir import DataDir
from local.errors import LocalStackError, NotRunning
from local.lock import holder_pid
from local.loopback_http import get
from local.ports import is_free
from local.programs import postgres_programs_dir, valkey_program
from local.stack_file import running_stack

OLDEST_PYTHON = (3, 11)
GIB = 1024**3
FREE_BYTES_MIN = 1 * GIB
FREE_BYTES_GOOD = 3 * GIB
READY_SECONDS_MAX = 3.0


def check_python() -> Finding:
    """The language version that the project is written for."""
    version = ".".join(str(part) for part in sys.version_info[:3])
    if sys.version_info < OLDEST_PYTHON:
        return failed("python", version, mend="make clean, install Python 3.11 or newer, then make setup")
    return ok("python", f"{version} at {sys.executable}")


def check_disk(*, data_dir: Path) -> Finding:
    """Room for the write-ahead log and the append-only files: both servers stop when the disk is full."""
    place = next(path for path in (data_dir, *data_dir.parents) if path.exists())
    free = shutil.disk_usage(place).free
    seen = f"{free / GIB:.1f} GiB free at {place}"
    mend = "free some room, or choose another --data-dir"
    if free < FREE_BYTES_MIN:
        return failed("disk", seen, mend=mend)
    return ok("disk", seen) if free >= FREE_BYTES_GOOD else warning("disk", seen, mend=mend)


def check_programs() -> list[Finding]:
    """The programs of the embedded servers."""
    return [
        _located("postgres program", locate=lambda: postgres_programs_dir() / "postgres"),
        _located("valkey program", locate=valkey_program),
    ]


def check_api(*, data_dir: DataDir, port: int) -> Finding:
    """The running API answers; or, where no stack runs, its port is free."""
    if holder_pid(path=data_dir.lock_path) is None:
        if is_free(port=port):
            return ok("api port", f"{port} is free; no stack runs on {data_dir.path}")
        return failed("api port", f"{port} is taken by another program", mend="billing up --port with another number")
    try:
        url = running_stack(data_dir=data_dir).api_url
    except NotRunning as starting:
        return warning("api", starting.problem, mend=starting.mend)
    answer = get(url=f"{url}/health/ready", timeout_seconds=READY_SECONDS_MAX)
    if answer is None or answer.status != 200:
        seen = "does not answer" if answer is None else f"answers {answer.status}"
        return failed("api", f"{url}/health/ready {seen}", mend="billing logs web")
    return ok("api", f"{url} is ready")


def _located(check: str, *, locate: Callable[[], Path]) -> Finding:
    try:
        return ok(check, str(locate()))
    except LocalStackError as fault:
        return failed(check, fault.problem, mend=fault.mend)
