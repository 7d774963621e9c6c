"""The data directory: where everything of one local installation lies, and how its small JSON files are written."""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PRIVATE_FILE = 0o600
# Others may pass through, but not list: as root, Postgres runs as another user in a folder below. What is secret is 0600.
PASS_THROUGH = 0o711


@dataclass(frozen=True)
class DataDir:
    """The names of the files and folders of one installation."""

    path: Path

    def create(self) -> None:
        """Create the directory and its folders; existing ones are left as they are."""
        self.path.mkdir(mode=PASS_THROUGH, parents=True, exist_ok=True)
        for folder in (self.log_dir, self.control_dir, self.metrics_dir):
            folder.mkdir(mode=0o700, exist_ok=True)

    @property
    def lock_path(self) -> Path:
        """Held by the running supervisor; its content is the supervisor's pid."""
        return self.path / "supervisor.lock"

    @property
    def stack_path(self) -> Path:
        """The addresses and keys of a stack that is ready: what scripts and tests read."""
        return self.path / "stack.json"

    @property
    def environment_path(self) -> Path:
        """The settings of the running processes: for commands that are called from another shell."""
        return self.path / "environment.json"

    @property
    def state_path(self) -> Path:
        """What the supervisor knows about its processes, at any moment."""
        return self.path / "state.json"

    @property
    def secrets_path(self) -> Path:
        """The secrets generated for this installation."""
        return self.path / "secrets.json"

    @property
    def ports_path(self) -> Path:
        """The ports that its servers took at the first start."""
        return self.path / "ports.json"

    @property
    def migrated_path(self) -> Path:
        """Which migrations the last start applied."""
        return self.path / "migrated.json"

    @property
    def demo_path(self) -> Path:
        """Present once the demo story has been told here."""
        return self.path / "demo.done"

    @property
    def log_dir(self) -> Path:
        """One log per process."""
        return self.path / "log"

    @property
    def control_dir(self) -> Path:
        """Requests to the running supervisor, one file each."""
        return self.path / "control"

    @property
    def metrics_dir(self) -> Path:
        """The files through which the processes share their Prometheus metrics."""
        return self.path / "metrics"

    def server_dir(self, *, name: str) -> Path:
        """Return the folder in which an embedded server keeps its data."""
        return self.path / name

    def log_path(self, *, name: str) -> Path:
        """Return the log of a process."""
        return self.log_dir / f"{name}.log"


def write_private_json(*, path: Path, value: Mapping[str, Any]) -> None:
    """Replace the file in one step, readable by its owner only: a reader sees the old content or the new."""
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, PRIVATE_FILE)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        json.dump(value, file, indent=2)
        file.write("\n")
    beside.replace(path)


def read_json(*, path: Path) -> dict[str, Any] | None:
    """Return the file's object, or None when there is no such file or it is not whole."""
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, json.JSONDecodeError):
        return None
    return value if isinstance(value, dict) else None
