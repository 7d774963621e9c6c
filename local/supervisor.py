"""The supervisor: starts processes, restarts those that die, and stops them all in reverse order.

One thread does everything: a child's death signal is tied to the thread that started it, and there is nothing to lock.
"""

import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from types import FrameType
from typing import Protocol

from local.clock import utc_now
from local.control import take_restart_requests
from local.errors import LocalStackError
from local.guard import start_guard
from local.process import rotate_log
from local.process_table import started_ticks
from local.server import Server
from local.state import ProcessState, ProcessStatus, StackState, write_state

TICK_SECONDS = 0.1
FIRST_PAUSE_SECONDS = 1.0
LONGEST_PAUSE_SECONDS = 30.0
# A process that served this long starts again with the short pause.
SETTLED_SECONDS = 60.0
LOG_CHECK_SECONDS = 5.0
GUARD_WAIT_SECONDS = 10.0
STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class StopRequested(Exception):
    """Ctrl-C, `billing down` or a closed terminal: not a failure."""


class Listener(Protocol):
    """Who is told what happens to the processes after the start."""

    def process_ended(self, *, name: str, exit_status: int | None, pause_seconds: float) -> None:
        """Take note that a process died and will be restarted after the pause."""

    def processes_changed(self) -> None:
        """Take note that a pid or a status is another one now."""


@dataclass(kw_only=True)
class Supervised:
    """A server and where it stands. Instants are monotonic seconds, `started_at` is for people."""

    server: Server
    is_server: bool
    status: ProcessStatus = "starting"
    restarts: int = 0
    failures_in_a_row: int = 0
    last_exit: int | None = None
    started_at: datetime | None = None
    launched: float = 0.0
    next_start: float = 0.0
    stop_deadline: float = 0.0

    def state(self) -> ProcessState:
        """Return the entry for the state file."""
        pid = self.server.pid
        return ProcessState(
            name=self.server.name,
            status=self.status,
            pid=pid,
            started_ticks=None if pid is None else started_ticks(pid=pid),
            started_at=None if self.started_at is None else self.started_at.isoformat(),
            restarts=self.restarts,
            last_exit=self.last_exit,
            stop_grace_seconds=self.server.spec().stop_grace_seconds,
            is_server=self.is_server,
        )


class Supervisor:
    """Owns the processes of one stack between `running()`'s begin and end."""

    def __init__(self, *, state_path: Path, control_dir: Path) -> None:
        self._state_path = state_path
        self._control_dir = control_dir
        self._supervised: list[Supervised] = []
        self._listener: Listener | None = None
        self._stop_requested = False
        self._logs_checked = time.monotonic()

    @contextmanager
    def running(self) -> Iterator["Supervisor"]:
        """Take the stop signals and start the guard; at the end of the block, however it ends, stop everything."""
        before = {number: signal.signal(number, self._on_stop_signal) for number in STOP_SIGNALS}
        guard = start_guard(state_path=self._state_path)
        try:
            yield self
        finally:
            self._stop_all()
            self._state_path.unlink(missing_ok=True)
            guard.communicate(timeout=GUARD_WAIT_SECONDS)
            for number, handler in before.items():
                signal.signal(number, handler)

    @property
    def pids(self) -> dict[str, int]:
        """The pids of the running processes by name."""
        pids = {supervised.server.name: supervised.server.pid for supervised in self._supervised}
        return {name: pid for name, pid in pids.items() if pid is not None}

    def launch(self, server: Server, *, is_server: bool = False) -> None:
        """Start the process without waiting for it, and take it under supervision."""
        self.check_for_stop()
        supervised = Supervised(server=server, is_server=is_server)
        self._launch(supervised)
        self._supervised.append(supervised)
        self._write_state()

    def launched_at(self, server: Server) -> float:
        """Return when the server was last launched, in monotonic seconds."""
        return self._entry_of(server).launched

    def await_ready(self, server: Server) -> None:
        """Wait until the launched server answers.

        Raises ServerNotReady when it ends or the time is up, StopRequested when the user has had enough.
        """
        server.wait_until_ready(keep_waiting=self.check_for_stop)
        self._entry_of(server).status = "ready"
        self._write_state()

    def check_for_stop(self) -> None:
        """Raise StopRequested once a stop signal has come."""
        if self._stop_requested:
            raise StopRequested

    def supervise(self, *, listener: Listener, until: Callable[[], bool] = lambda: False) -> None:
        """Keep everything running until a stop signal comes (raises StopRequested) or `until` says so."""
        self._listener = listener
        while not until():
            self.check_for_stop()
            for supervised in self._supervised:
                self._look_after(supervised)
            self._serve_requests()
            self._rotate_logs()
            time.sleep(TICK_SECONDS)

    def _entry_of(self, server: Server) -> Supervised:
        return next(supervised for supervised in self._supervised if supervised.server is server)

    def _launch(self, supervised: Supervised) -> None:
        supervised.status = "starting"
        supervised.started_at = utc_now()
        supervised.launched = time.monotonic()
        supervised.server.launch()

    def _look_after(self, supervised: Supervised) -> None:
        """Move one process on: noticed dead, due again, ready, or slow to stop."""
        now = time.monotonic()
        if supervised.status == "waiting":
            if now >= supervised.next_start:
                self._restart(supervised)
        elif supervised.status == "stopping":
            if supervised.server.pid is None or now > supervised.stop_deadline:
                supervised.server.kill()
                self._restart(supervised)
        elif supervised.server.pid is None:
            self._note_death(supervised, now=now)
        elif supervised.status == "starting" and supervised.server.answers():
            supervised.status = "ready"
            self._changed()

    def _note_death(self, supervised: Supervised, *, now: float) -> None:
        """Clear the rest of the group away at once, and plan the restart: after 1, 2, 4, … at most 30 s."""
        if supervised.status == "ready" and now - supervised.launched > SETTLED_SECONDS:
            supervised.failures_in_a_row = 0
        pause_seconds = restart_pause_seconds(failures_in_a_row=supervised.failures_in_a_row)
        supervised.failures_in_a_row += 1
        supervised.last_exit = supervised.server.returncode
        supervised.server.kill()
        supervised.status = "waiting"
        supervised.next_start = now + pause_seconds
        self._changed()
        if self._listener is not None:
            self._listener.process_ended(
                name=supervised.server.name, exit_status=supervised.last_exit, pause_seconds=pause_seconds
            )

    def _restart(self, supervised: Supervised) -> None:
        supervised.restarts += 1
        try:
            self._launch(supervised)
        except (LocalStackError, OSError):
            # The disk may be full or a program replaced: that is no reason to take the others down.
            self._note_death(supervised, now=time.monotonic())
            return
        self._changed()

    def _serve_requests(self) -> None:
        for name in take_restart_requests(control_dir=self._control_dir):
            for supervised in self._supervised:
                if supervised.server.name == name and supervised.status != "stopping":
                    supervised.server.ask_to_stop()
                    supervised.status = "stopping"
                    supervised.stop_deadline = time.monotonic() + supervised.server.spec().stop_grace_seconds
                    self._changed()

    def _rotate_logs(self) -> None:
        now = time.monotonic()
        if now - self._logs_checked >= LOG_CHECK_SECONDS:
            self._logs_checked = now
            for supervised in self._supervised:
                rotate_log(path=supervised.server.spec().log_path)

    def _stop_all(self) -> None:
        """Stop the Procfile's processes, last started first, then the servers on which they stood."""
        in_reverse = list(reversed(self._supervised))
        for tier in (False, True):
            members = [supervised for supervised in in_reverse if supervised.is_server is tier]
            for supervised in members:
                supervised.server.ask_to_stop()
            for supervised in members:
                supervised.server.stop()

    def _changed(self) -> None:
        self._write_state()
        if self._listener is not None:
            self._listener.processes_changed()

    def _write_state(self) -> None:
        processes = [supervised.state() for supervised in self._supervised]
        write_state(path=self._state_path, state=StackState(supervisor_pid=os.getpid(), processes=processes))

    def _on_stop_signal(self, _number: int, _frame: FrameType | None) -> None:
        self._stop_requested = True


def restart_pause_seconds(*, failures_in_a_row: int) -> float:
    """Return the pause before a restart: 1 s after the first death, twice as long after each further one, at most 30 s."""
    doublings = min(failures_in_a_row, 10)  # 2**10 is far above the longest pause already
    return float(min(FIRST_PAUSE_SECONDS * 2**doublings, LONGEST_PAUSE_SECONDS))
