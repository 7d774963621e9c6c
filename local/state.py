"""What the supervisor knows about its processes, kept on disk: for `billing status`, and for cleaning up after a kill."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

from local.data_dir import read_json, write_private_json

ProcessStatus = Literal["starting", "ready", "waiting", "stopping"]


@dataclass(frozen=True, kw_only=True)
class ProcessState:
    """One process. `pid` is None while it waits for its restart; `started_ticks` tells it from a later bearer of its pid.

    A server (Postgres, Valkey, the sandbox) holds data; the others are the processes of the Procfile.
    """

    name: str
    status: ProcessStatus
    pid: int | None
    started_ticks: int | None
    started_at: str | None
    restarts: int
    last_exit: int | None
    stop_grace_seconds: float
    is_server: bool


@dataclass(frozen=True, kw_only=True)
class StackState:
    """The supervisor and its processes, in the order in which they were started."""

    supervisor_pid: int
    processes: Sequence[ProcessState]

    def process(self, name: str) -> ProcessState | None:
        """Return the process of that name, or None."""
        return next((process for process in self.processes if process.name == name), None)


def write_state(*, path: Path, state: StackState) -> None:
    """Write the state (mode 0600) in one step."""
    write_private_json(path=path, value=asdict(state))


def read_state(*, path: Path) -> StackState | None:
    """Return the last written state, or None."""
    value = read_json(path=path)
    if value is None:
        return None
    processes = [ProcessState(**process) for process in value["processes"]]
    return StackState(supervisor_pid=value["supervisor_pid"], processes=processes)
