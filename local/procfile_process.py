"""A process of the Procfile under supervision."""

import signal
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

from local.clock import utc_now
from local.process import ProcessSpec
from local.procfile import ProcfileEntry
from local.readiness import Probe, is_ready
from local.server import Server

# Longer than the workers' own soft shutdown, which puts unfinished messages back.
STOP_GRACE_SECONDS = 30.0


class ProcfileProcess(Server):
    """One line of the Procfile, with the environment that production would give it."""

    def __init__(
        self,
        *,
        entry: ProcfileEntry,
        env: Mapping[str, str],
        cwd: Path,
        log_path: Path,
        api_url: str,
        flower_url: str,
    ) -> None:
        super().__init__()
        self.name = entry.name
        self.kind = entry.kind
        self._entry = entry
        self._env = env
        self._cwd = cwd
        self._log_path = log_path
        self._api_url = api_url
        self._flower_url = flower_url
        self._started_at: datetime = utc_now()

    def prepare(self) -> None:
        """Remember when this start began: signs of life from before do not count."""
        self._started_at = utc_now()

    def spec(self) -> ProcessSpec:
        """Return how the process is started. When the supervisor is killed it ends at once: all its work is in Postgres."""
        return ProcessSpec(
            argv=self._entry.argv,
            env=self._env,
            cwd=self._cwd,
            log_path=self._log_path,
            stop_grace_seconds=STOP_GRACE_SECONDS,
            death_signal=signal.SIGKILL,
        )

    def answers(self) -> bool:
        """Run the readiness check that belongs to the process's name."""
        return is_ready(
            Probe(
                api_url=self._api_url,
                flower_url=self._flower_url,
                entry=self._entry,
                started_at=self._started_at,
            )
        )
