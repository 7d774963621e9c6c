"""Requests to a running supervisor: a file in the control folder asks for a restart, a signal for the end."""

import os
import signal
import time
from pathlib import Path

from local.data_dir import DataDir
from local.errors import LocalStackError, NotRunning
from local.lock import holder_pid
from local.process_table import started_ticks
from local.state import ProcessState, StackState, read_state

RESTART_PREFIX = "restart-"
POLL_SECONDS = 0.1


class NotInTime(LocalStackError):
    """The supervisor did not do what it was asked within the limit."""


class UnknownProcess(LocalStackError):
    """No process of the stack has that name."""


def running_pid(*, data_dir: DataDir) -> int:
    """Return the supervisor's pid. Raises NotRunning."""
    pid = holder_pid(path=data_dir.lock_path)
    if pid is None:
        raise NotRunning(f"no stack runs on {data_dir.path}", mend="billing up, or name the right --data-dir")
    return pid


def running_state(*, data_dir: DataDir) -> StackState:
    """Return the state of the running stack. Raises NotRunning."""
    running_pid(data_dir=data_dir)
    state = read_state(path=data_dir.state_path)
    if state is None:
        raise NotRunning(f"the stack on {data_dir.path} has only just been started", mend="try again in a second")
    return state


def stop_stack(*, data_dir: DataDir, timeout_seconds: float) -> None:
    """Ask the supervisor to stop everything, and wait until it has. Raises NotRunning, NotInTime."""
    pid = running_pid(data_dir=data_dir)
    os.kill(pid, signal.SIGTERM)
    deadline = time.monotonic() + timeout_seconds
    while holder_pid(path=data_dir.lock_path) is not None:
        if time.monotonic() > deadline:
            raise NotInTime(
                f"the stack did not stop within {timeout_seconds:.0f} s",
                mend=f"billing logs; as a last resort kill -9 {pid}, which ends all of its processes",
            )
        time.sleep(POLL_SECONDS)


def restart_process(*, data_dir: DataDir, name: str, timeout_seconds: float) -> ProcessState:
    """Ask for a restart of one process and wait until the new one is ready. Raises NotRunning, UnknownProcess, NotInTime."""
    before = _process(state=running_state(data_dir=data_dir), name=name)
    (data_dir.control_dir / f"{RESTART_PREFIX}{name}").touch()
    deadline = time.monotonic() + timeout_seconds
    while True:
        now = _process(state=running_state(data_dir=data_dir), name=name)
        if now.restarts > before.restarts and now.status == "ready":
            return now
        if time.monotonic() > deadline:
            raise NotInTime(f"{name} was not ready again within {timeout_seconds:.0f} s", mend=f"billing logs {name}")
        time.sleep(POLL_SECONDS)


def kill_process(*, data_dir: DataDir, name: str) -> None:
    """Kill one process of the stack where it stands; the supervisor starts it again. Raises NotRunning, UnknownProcess."""
    process = _process(state=running_state(data_dir=data_dir), name=name)
    # The state may be older than the process: never one that was given its number since.
    if process.pid is not None and started_ticks(pid=process.pid) == process.started_ticks:
        os.kill(process.pid, signal.SIGKILL)


def take_restart_requests(*, control_dir: Path) -> list[str]:
    """Return the names for which a restart was asked, and forget the requests."""
    requests = sorted(control_dir.glob(f"{RESTART_PREFIX}*"))
    for request in requests:
        request.unlink()
    return [request.name.removeprefix(RESTART_PREFIX) for request in requests]


def _process(*, state: StackState, name: str) -> ProcessState:
    process = state.process(name)
    if process is None:
        known = ", ".join(process.name for process in state.processes)
        raise UnknownProcess(f"no process is called {name!r}", mend=f"the stack's processes are {known}")
    return process
