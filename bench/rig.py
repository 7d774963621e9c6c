"""The machine under measurement: real servers with their durable settings, and processes of ours or of a floor on them."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import httpx
import psycopg

from local.ports import free_port
from local.process import ChildProcess, ProcessSpec
from local.procfile import read_procfile
from tests.service.servers import ServiceServers, migrate

ROOT = Path(__file__).resolve().parents[1]
_READY_SECONDS = 30.0
# The limits are there to refuse what a benchmark sends; the log of a production service goes to a file at INFO.
_SETTINGS = {"BILLING_LOG_FORMAT": "json", "BILLING_LOG_LEVEL": "INFO"}


@dataclass(frozen=True)
class Rig:
    """Servers, and the environment that the service's processes take."""

    servers: ServiceServers
    directory: Path
    database_url: str

    @classmethod
    @contextmanager
    def open(cls) -> "Iterator[Rig]":
        """Start Postgres, Valkey and the sandbox, and leave nothing behind."""
        directory = Path(tempfile.mkdtemp(prefix="billing-bench-"))
        directory.chmod(0o711)  # Postgres runs as a user of its own
        servers = ServiceServers.start(directory, durable=True)
        try:
            yield cls(servers, directory, servers.database_url)
        finally:
            servers.stop()
            shutil.rmtree(directory)

    def with_database(self, name: str) -> "Rig":
        """Return a rig on the same servers with a new, migrated database."""
        database_url = self.servers.postgres.create_database(name)
        migrate(database_url)
        return replace(self, database_url=database_url)

    def environment(self, **changed: str) -> dict[str, str]:
        """Return the environment of one process."""
        metrics = self.directory / "metrics"
        metrics.mkdir(exist_ok=True)
        return {
            **os.environ,
            **self.servers.environment(),
            "DATABASE_URL": self.database_url,
            **_SETTINGS,
            "BILLING_HOME": str(self.directory),
            "PROMETHEUS_MULTIPROC_DIR": str(metrics),
            **changed,
        }

    @contextmanager
    def process(self, name: str, *arguments: str, **changed: str) -> Iterator[ChildProcess]:
        """Run `python <arguments>` while the block runs."""
        spec = ProcessSpec(
            argv=[sys.executable, *arguments],
            log_path=self.directory / f"{name}.log",
            env=self.environment(**changed),
            cwd=ROOT,
        )
        child = ChildProcess.start(spec=spec)
        try:
            yield child
        finally:
            child.stop()

    def procfile_process(self, name: str, *, app: str = "workers.main") -> AbstractContextManager[ChildProcess]:
        """Run the Procfile's process of this name while a block runs; `app` stands in for the workers' application."""
        entry = next(entry for entry in read_procfile(path=ROOT / "Procfile") if entry.name == name)
        program, *arguments = entry.command.replace("workers.main", app).split()
        module = arguments[1:] if program == "python" else [program, *arguments]
        return self.process(name, "-m", *module)

    @contextmanager
    def web(self, name: str, *arguments: str, **changed: str) -> Iterator[int]:
        """Run a web server while the block runs; yields its port once it answers."""
        port = free_port()
        with self.process(name, *arguments, BILLING_SERVICE_PORT=str(port), **changed) as child:
            deadline = time.monotonic() + _READY_SECONDS
            while not _answers(f"http://127.0.0.1:{port}/health/live"):
                if child.returncode is not None or time.monotonic() > deadline:
                    raise RuntimeError(f"{name} did not start:\n{self.log(name)[-2000:]}")
                time.sleep(0.05)
            yield port

    @contextmanager
    def api(self, **changed: str) -> Iterator[int]:
        """Run the API as production does; yields its port."""
        with self.web("api", "-m", "app.server", **changed) as port:
            yield port

    def api_key(self) -> str:
        """Return the text of a new API key that may do everything."""
        arguments = [sys.executable, "-m", "cli.main", "keys", "create", "--name", "bench", "--role", "admin", "--json"]
        made = subprocess.run(
            arguments, cwd=ROOT, env=self.environment(), capture_output=True, text=True, check=True, timeout=60
        )
        return str(json.loads(made.stdout)["key"])

    def log(self, name: str) -> str:
        """Return what a process wrote."""
        return (self.directory / f"{name}.log").read_text(encoding="utf-8", errors="replace")

    def sql(self, statement: str, params: Mapping[str, object] | None = None) -> list[tuple[object, ...]]:
        """Run a statement in a transaction of its own and return what it gives, if anything."""
        with psycopg.connect(self.database_url, autocommit=True) as connection:
            cursor = connection.execute(statement.encode(), params)
            return cursor.fetchall() if cursor.description else []


def _answers(url: str) -> bool:
    try:
        return httpx.get(url, timeout=2).status_code == httpx.codes.OK
    except (TimeoutError, httpx.HTTPError):
        return False
