"""The embedded Postgres 18: made once with initdb, then served on loopback with password authentication."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import quote

import psycopg
from psycopg import sql

from local.errors import LocalStackError
from local.identity import hand_over, identity_for
from local.ports import LOOPBACK, free_port
from local.process import CHILD_SCRIPT, ProcessSpec
from local.programs import postgres_programs_dir
from local.server import Server

SUPERUSER = "postgres"
CONNECT_SECONDS_MAX = 2
INITDB_SECONDS_MAX = 120
LEFTOVER_SECONDS_MAX = 15.0
# Eight worker threads, two granian workers with their pools, beat, tests and psql beside them.
CONNECTIONS_MAX = 200


class ClusterNotCreated(LocalStackError):
    """initdb failed."""


class PasswordRefused(LocalStackError):
    """The cluster was made with another password than the installation has now."""


class PostgresServer(Server):
    """A Postgres server of our own.

    `port=None` takes a free port and keeps it. `settings` are passed as `-c name=value`; durability stays on unless they
    turn it off. The cluster lies in `data_dir/cluster` and is created at the first launch.
    """

    name = "postgres"

    def __init__(
        self,
        *,
        data_dir: Path,
        port: int | None = None,
        password: str,
        log_path: Path | None = None,
        settings: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__()
        self.data_dir = data_dir.resolve()
        self.cluster_dir = self.data_dir / "cluster"
        self.port = port or free_port()
        self.log_path = log_path or self.data_dir / "postgres.log"
        self._password = password
        self._settings = dict(settings or {})
        self._programs = postgres_programs_dir()
        self._identity = ""

    def url(self, *, database: str = "billing") -> str:
        """Return the address of a database on this server, password included."""
        return f"postgresql://{SUPERUSER}:{quote(self._password, safe='')}@{LOOPBACK}:{self.port}/{database}"

    def create_database(self, name: str) -> str:
        """Create the database where it does not exist yet, and return its address."""
        with psycopg.connect(self.url(database="postgres"), autocommit=True) as connection:
            known = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name]).fetchone()
            if known is None:
                connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        return self.url(database=name)

    def prepare(self) -> None:
        """Create the cluster at the first start, and clear what a crash left behind."""
        self.data_dir.mkdir(parents=True, exist_ok=True)
        self._identity = identity_for(
            user_id=os.geteuid(), data_dir=self.cluster_dir, program=self._programs / "postgres"
        )
        if self.cluster_dir.exists():
            hand_over(directory=self.cluster_dir, identity=self._identity)
            end_leftover(cluster_dir=self.cluster_dir)
        else:
            self._create_cluster()

    def spec(self) -> ProcessSpec:
        """Return how the server is started: no Unix socket, whose path may not be longer than 107 characters."""
        settings = {
            "listen_addresses": LOOPBACK,
            "port": str(self.port),
            "unix_socket_directories": "",
            "max_connections": str(CONNECTIONS_MAX),
            "timezone": "UTC",
            "log_timezone": "UTC",
            **self._settings,
        }
        options = [argument for name, value in settings.items() for argument in ("-c", f"{name}={value}")]
        return ProcessSpec(
            argv=[str(self._programs / "postgres"), "-D", str(self.cluster_dir), *options],
            log_path=self.log_path,
            cwd=self.data_dir,
            # SIGINT is Postgres's fast shutdown: sessions are ended, and everything is written.
            stop_signal=signal.SIGINT,
            death_signal=signal.SIGINT,
            identity=self._identity,
        )

    def answers(self) -> bool:
        """Run a query. Raises PasswordRefused, which waiting would not mend."""
        try:
            with psycopg.connect(self.url(database="postgres"), connect_timeout=CONNECT_SECONDS_MAX) as connection:
                return connection.execute("SELECT 1").fetchone() == (1,)
        except psycopg.OperationalError as fault:
            if "password authentication failed" in str(fault):
                raise PasswordRefused(
                    f"the Postgres cluster in {self.cluster_dir} was made with another password",
                    mend=f"restore the secrets file it was made with, or remove {self.data_dir} to start with an empty one",
                ) from fault
            return False

    def _create_cluster(self) -> None:
        """Run initdb in a directory beside, and rename it when it is whole: a start that was cut off leaves no half cluster."""
        unfinished = self.data_dir / "cluster.unfinished"
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir(mode=0o700)
        with tempfile.NamedTemporaryFile(
            "w", dir=unfinished.parent, prefix="pwfile-", encoding="utf-8"
        ) as password_file:
            password_file.write(self._password)
            password_file.flush()
            hand_over(directory=unfinished, identity=self._identity)
            hand_over(directory=Path(password_file.name), identity=self._identity)
            made = subprocess.run(
                [
                    *[sys.executable, "-I", "-S", str(CHILD_SCRIPT)],
                    *[str(os.getpid()), str(int(signal.SIGKILL)), self._identity],
                    *[str(self._programs / "initdb"), "-D", str(unfinished), "-U", SUPERUSER, "-E", "UTF8"],
                    *["-A", "scram-sha-256", f"--pwfile={password_file.name}", "--no-instructions"],
                    # libc's own locale is C, which every system has; sorting and case come from Postgres itself.
                    *["--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"],
                ],
                cwd=self.data_dir,
                capture_output=True,
                text=True,
                timeout=INITDB_SECONDS_MAX,
                check=False,
                # Ctrl-C in the terminal is for the supervisor, which ends in order.
                start_new_session=True,
            )
        if made.returncode != 0:
            self.log_path.parent.mkdir(parents=True, exist_ok=True)
            self.log_path.write_text(made.stdout + made.stderr, encoding="utf-8")
            raise ClusterNotCreated(
                f"initdb could not create a Postgres cluster in {self.cluster_dir} (exit status {made.returncode})",
                mend="see the lines above; is there room on the disk, and may this user write there?",
                log_path=self.log_path,
            )
        unfinished.rename(self.cluster_dir)


def end_leftover(*, cluster_dir: Path) -> None:
    """End a postmaster that outlived its supervisor, and remove a pid file that names no postmaster of this cluster.

    Postgres refuses to start when the pid in a stale `postmaster.pid` was given to another process since.
    """
    pid_file = cluster_dir / "postmaster.pid"
    if not pid_file.exists():
        return
    pid = int(pid_file.read_text(encoding="utf-8").split("\n", maxsplit=1)[0])
    if not serves(pid=pid, cluster_dir=cluster_dir):
        pid_file.unlink()
        return
    os.kill(pid, signal.SIGINT)
    deadline = time.monotonic() + LEFTOVER_SECONDS_MAX
    while serves(pid=pid, cluster_dir=cluster_dir):
        if time.monotonic() > deadline:
            os.kill(pid, signal.SIGKILL)
        time.sleep(0.05)


def serves(*, pid: int, cluster_dir: Path) -> bool:
    """Say whether the process is a postmaster of this cluster: its working directory is the cluster's."""
    try:
        return Path(f"/proc/{pid}/cwd").readlink() == cluster_dir
    except (FileNotFoundError, ProcessLookupError, PermissionError):
        return False
