"""The whole service on servers of its own, with a fault proxy between each pair, kept alive as production keeps it.

Everything here runs on the thread that made the stack: the kernel ties a child's death signal to it (see local/process.py).
"""

import base64
import json
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import psycopg
import redis

from billing.fail_points import FIRED
from local.data_dir import DataDir
from local.errors import LocalStackError
from local.ports import LOOPBACK, free_port
from local.postgres import PostgresServer
from local.procfile import read_procfile
from local.procfile_process import ProcfileProcess
from local.sandbox import SandboxServer
from local.server import Server
from local.service_commands import ServiceCommands
from local.valkey import ValkeyServer
from tests.chaos.processes import descendants, send_signal
from tests.chaos.product import Product
from tests.chaos.proxy import FaultProxy, ProxyThread
from tests.chaos.tree import Edit, copy_sources, environment_of, require_imports_from

SECRET_KEY = "sk_test_chaosUnderTest"
PASSWORD = "for-chaos-only"
LINKS = ("postgres", "broker", "credits", "gateway", "webhooks", "clients")
SERVERS = ("postgres", "broker", "credits", "sandbox")
LEASE_SECONDS = 8
CONNECTIONS_MAX = 100
# systemd's RestartSec and Kubernetes' first pause are of this size; the local stack's longer pauses are for people.
RESTART_SECONDS = 1.0
READY_SECONDS_MAX = 100.0
TICK_SECONDS = 0.05
# A killed process loses nothing that the kernel has taken, and what a power cut may cost is not tested here. A commit that
# was answered must have reached the kernel, though: with synchronous_commit off a killed Postgres forgets answered webhooks.
_POSTGRES = {
    "fsync": "off",
    "synchronous_commit": "on",
    "full_page_writes": "off",
    "max_connections": str(CONNECTIONS_MAX),
}


@dataclass
class Kept:
    """A process or server that is started again when it dies, unless it is to stay down."""

    server: Server
    is_server: bool
    stays_down: bool = False
    next_start: float | None = None
    ready: bool = False


@dataclass
class Incidents:
    """What happened to the processes, in monotonic seconds."""

    deaths: list[tuple[float, str]] = field(default_factory=list)
    servers_back: list[tuple[float, str]] = field(default_factory=list)
    flushes: list[tuple[float, str]] = field(default_factory=list)


class ChaosStack:
    """A running stack and the handles by which faults take hold of it."""

    def __init__(self, *, edits: tuple[Edit, ...] = ()) -> None:
        # Not below a directory of mode 0700, which Postgres' own user cannot enter.
        self.directory = Path(tempfile.mkdtemp(prefix="billing-chaos-"))
        self.directory.chmod(0o711)
        self.root = copy_sources(self.directory / "tree", edits=edits)
        self.fail_points = self.directory / "fail-points"
        self.fail_points.mkdir()
        self.data = DataDir(self.directory / "data")
        self.data.create()
        self.incidents = Incidents()
        self.kept: dict[str, Kept] = {}
        self.links: dict[str, FaultProxy] = {}
        self.api_port = free_port()
        self.postgres = PostgresServer(
            data_dir=self.data.server_dir(name="postgres"), password=PASSWORD, settings=_POSTGRES
        )
        self.broker = self._valkey("broker")
        self.credits = self._valkey("credits")
        self.sandbox = SandboxServer(data_dir=self.data.server_dir(name="sandbox"), secret_key=SECRET_KEY)
        self.api_key = ""
        self.webhook_secret = ""
        self.findings: list[str] = []
        self.product = Product()
        self._proxies = ProxyThread()
        self._env: dict[str, str] = {}

    def _valkey(self, name: str) -> ValkeyServer:
        return ValkeyServer(data_dir=self.data.server_dir(name=name), password=PASSWORD, fsync="everysec", name=name)

    # -- start and end ------------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Start servers, proxies and the service, and wait until each answers."""
        for server in (self.broker, self.credits, self.sandbox, self.postgres):
            server.launch()
            self.kept[server.name] = Kept(server, is_server=True, ready=True)
        for server in (self.postgres, self.broker, self.credits, self.sandbox):
            server.wait_until_ready()
        self.postgres.create_database("billing")
        targets = dict(
            zip(LINKS, (self.postgres.port, self.broker.port, self.credits.port, self.sandbox.port), strict=False)
        )
        for link in LINKS:
            target = targets.get(link, self.api_port)
            self.links[link] = self._proxies.proxy(name=link, target_port=target)
        webhooks = f"http://{LOOPBACK}:{self.links['webhooks'].port}/webhooks/stripe"
        self.webhook_secret = self.sandbox.create_webhook_endpoint(url=webhooks)
        self._env = self._environment()
        require_imports_from(self.root, env=self._env)
        commands = ServiceCommands(env=self._env, data_dir=self.data, project_root=self.root, keep_waiting=lambda: None)
        commands.migrate()
        self.api_key = commands.make_api_key()
        self._start_service()
        self.product.secret = self._register(self.product.url)

    def _register(self, url: str) -> str:
        """Let the product hear of every event, and return the secret that its webhooks are signed with."""
        headers = {"Authorization": f"Bearer {self.api_key}"}
        body = {"url": url, "events": ["*"]}
        made = httpx.post(f"{self.api_url}/webhook-endpoints", json=body, headers=headers, timeout=READY_SECONDS_MAX)
        made.raise_for_status()
        return str(made.json()["secret"])

    def _start_service(self) -> None:
        processes = [self._process(entry.name) for entry in read_procfile(path=self.root / "Procfile")]
        for process in processes:
            self.kept[process.name] = Kept(process, is_server=False)
        web = next(process for process in processes if process.name == "web")
        for wave in ([web], [process for process in processes if process is not web]):
            for process in wave:
                process.launch()
            for process in wave:
                process.wait_until_ready(timeout_seconds=READY_SECONDS_MAX)
                self.kept[process.name].ready = True

    def _process(self, name: str, *, known_as: str | None = None) -> ProcfileProcess:
        entry = next(entry for entry in read_procfile(path=self.root / "Procfile") if entry.name == name)
        process = ProcfileProcess(
            entry=entry,
            env=self._env,
            cwd=self.root,
            log_path=self.data.log_path(name=known_as or name),
            api_url=self.api_url,
            flower_url="",
        )
        process.name = known_as or name
        return process

    def start_second(self, name: str) -> str:
        """Start a second process of the Procfile's line beside the first, and return what it is known as."""
        known_as = f"{name}-twin"
        process = self._process(name, known_as=known_as)
        process.launch()
        self.kept[known_as] = Kept(process, is_server=False)
        return known_as

    def end(self, name: str) -> None:
        """Stop a process for good."""
        self.kept.pop(name).server.stop()

    def close(self, *, keep_files: bool = False) -> None:
        """Stop everything, last started first."""
        for link in self.links.values():
            link.behave()
        for name in list(self.kept):
            if not self.kept[name].is_server:
                self.kept[name].server.kill()
        for name in reversed(SERVERS):
            if name in self.kept:
                self.signal_all(name, signal.SIGCONT)
                self.kept[name].server.stop()
        self.kept.clear()
        self._proxies.close()
        self.product.close()
        if not keep_files:
            shutil.rmtree(self.directory, ignore_errors=True)

    def _environment(self) -> dict[str, str]:
        ports = {name: link.port for name, link in self.links.items()}
        return {
            **environment_of(self.root),
            "BILLING_ENV": "test",
            "BILLING_HOME": str(self.data.path),
            "BILLING_SERVICE_HOST": LOOPBACK,
            "BILLING_SERVICE_PORT": str(self.api_port),
            "BILLING_FAIL_POINTS": str(self.fail_points),
            "PROMETHEUS_MULTIPROC_DIR": str(self.data.metrics_dir),
            "DATABASE_URL": f"postgresql://postgres:{PASSWORD}@{LOOPBACK}:{ports['postgres']}/billing",
            "REDIS_URL": f"redis://:{PASSWORD}@{LOOPBACK}:{ports['broker']}/1",
            "CELERY_BROKER_URL": f"redis://:{PASSWORD}@{LOOPBACK}:{ports['broker']}/0",
            "REDIS_CREDITS_URL": f"redis://:{PASSWORD}@{LOOPBACK}:{ports['credits']}/0",
            "STRIPE_API_BASE": f"http://{LOOPBACK}:{ports['gateway']}",
            "STRIPE_SECRET_KEY": SECRET_KEY,
            "STRIPE_PUBLISHABLE_KEY": SECRET_KEY.replace("sk_", "pk_"),
            "STRIPE_WEBHOOK_SECRET": self.webhook_secret,
            "ENCRYPTION_KEY": base64.b64encode(bytes(32)).decode(),
            "API_KEY_PEPPER": "p" * 40,
            "PAYMENT_RATE_LIMIT": "1000000",
            "WEBHOOK_RATE_LIMIT": "1000000",
            # Everything that waits, waits shorter than in production, so that a schedule sees it end.
            "CELERY_VISIBILITY_TIMEOUT_SECONDS": "5",
            "WORK_LEASE_SECONDS": str(LEASE_SECONDS),
            "STRIPE_TIMEOUT_SECONDS": "2",
            "DATABASE_STATEMENT_TIMEOUT_SECONDS": "3",
            "OUTGOING_WEBHOOKS_ALLOW_PRIVATE": "true",
        }

    # -- keeping alive ------------------------------------------------------------------------------------------------

    def tick(self) -> None:
        """Look after every process once: note who died, start again who is due."""
        now = time.monotonic()
        for name, kept in list(self.kept.items()):
            if kept.stays_down:
                continue
            if kept.next_start is not None:
                if now >= kept.next_start:
                    self._launch_again(name)
            elif kept.server.pid is None:
                self.incidents.deaths.append((now, name))
                kept.server.kill()
                kept.ready = False
                kept.next_start = now + RESTART_SECONDS
            elif not kept.ready and kept.is_server and kept.server.answers():
                kept.ready = True
                self.incidents.servers_back.append((time.monotonic(), name))

    def _launch_again(self, name: str) -> None:
        kept = self.kept[name]
        kept.next_start = None
        with suppress(LocalStackError):  # a child of the last postmaster may still live: the next tick tries again
            kept.server.launch()

    def run_for(self, seconds: float) -> None:
        """Keep everything running for a while."""
        self.run_until(lambda: False, seconds=seconds)

    def run_until(self, condition: Callable[[], Any], *, seconds: float) -> Any:
        """Keep everything running until the condition holds, and return what it gave; None when the time is up."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            self.tick()
            if found := condition():
                return found
            time.sleep(min(TICK_SECONDS, max(0.0, deadline - time.monotonic())))
        return None

    # -- handles for faults -------------------------------------------------------------------------------------------

    def pid(self, name: str) -> int | None:
        """Return the pid of a process, None while it is down."""
        kept = self.kept.get(name)
        return None if kept is None else kept.server.pid

    def kill(self, name: str) -> None:
        """Kill the process itself and none of its children; it is started again."""
        pid = self.pid(name)
        if pid is not None:
            send_signal(pid, signal.SIGKILL)

    def kill_child(self, name: str, *, number: int) -> None:
        """Kill one of the process's children."""
        children = descendants(self.pid(name))
        if children:
            send_signal(children[number % len(children)], signal.SIGKILL)

    def signal_all(self, name: str, number: signal.Signals) -> None:
        """Send a signal to the process and all of its descendants."""
        pid = self.pid(name)
        for member in [*descendants(pid), *([] if pid is None else [pid])]:
            send_signal(member, number)

    def take_down(self, name: str) -> None:
        """Kill a server, and let it stay down."""
        self.kept[name].stays_down = True
        children = descendants(self.pid(name))
        self.kill(name)
        for child in children:
            send_signal(child, signal.SIGKILL)
        self.incidents.deaths.append((time.monotonic(), name))

    def bring_back(self, name: str) -> None:
        """Start a server that was taken down."""
        kept = self.kept[name]
        kept.server.kill()
        kept.stays_down, kept.ready, kept.next_start = False, False, 0.0

    def arm(self, point: str, action: str) -> None:
        """Arm a fail point; whoever comes by first meets it. In one step: nobody may find a file that says nothing yet."""
        beside = self.fail_points / f".{point}"
        beside.write_text(action, encoding="ascii")
        beside.rename(self.fail_points / point)

    def disarm(self, point: str) -> None:
        """Take a fail point back that nobody met."""
        (self.fail_points / point).unlink(missing_ok=True)

    def fired(self) -> list[tuple[float, str, str]]:
        """Return which fail points were met: when, name, action."""
        path = self.fail_points / FIRED
        if not path.exists():
            return []
        lines = [line.split(" ") for line in path.read_text(encoding="ascii").splitlines()]
        return [(float(line[0]), line[2], line[3]) for line in lines]

    # -- looking inside -----------------------------------------------------------------------------------------------

    @property
    def api_url(self) -> str:
        """The API itself, past the proxies."""
        return f"http://{LOOPBACK}:{self.api_port}"

    @property
    def clients_url(self) -> str:
        """The API as clients reach it."""
        return f"http://{LOOPBACK}:{self.links['clients'].port}"

    @property
    def database_url(self) -> str:
        """The database itself, past the proxies."""
        return self.postgres.url()

    def rows(self, query: str) -> list[dict[str, Any]]:
        """Return what a query finds."""
        with psycopg.connect(self.database_url, autocommit=True, row_factory=psycopg.rows.dict_row) as connection:
            return connection.execute(query.encode()).fetchall()

    def command(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        """Run a `billing` command of the copied sources against this stack."""
        program = [sys.executable, "-m", "cli.main", *arguments]
        return subprocess.run(
            program, env=self._env, cwd=self.root, capture_output=True, text=True, timeout=60, check=False
        )

    def valkey(self, name: str, *, db: int = 0) -> "redis.Redis":
        """Return a client of one of the two Valkeys, past the proxies."""
        server = self.broker if name == "broker" else self.credits
        return redis.Redis.from_url(server.url(db=db), socket_timeout=5, socket_connect_timeout=5)

    def control(self, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        """Call one of the sandbox's control routes."""
        answer = httpx.request(method, f"{self.sandbox.url}/_sandbox/{path}", json=body, timeout=10)
        answer.raise_for_status()
        found: dict[str, Any] = answer.json()
        return found

    def gateway(self, path: str) -> list[dict[str, Any]]:
        """Return all objects of a list at the gateway, page after page."""
        found: list[dict[str, Any]] = []
        params: dict[str, str] = {"limit": "100"}
        with httpx.Client(headers={"Authorization": f"Bearer {SECRET_KEY}"}, timeout=20) as client:
            while True:
                page = client.get(f"{self.sandbox.url}/v1/{path}", params=params).raise_for_status().json()
                found += page["data"]
                if not page["has_more"]:
                    return found
                params["starting_after"] = page["data"][-1]["id"]

    def do_at_gateway(self, path: str) -> None:
        """Do something at the gateway behind the service's back."""
        headers = {"Authorization": f"Bearer {SECRET_KEY}"}
        httpx.post(f"{self.sandbox.url}/v1/{path}", headers=headers, timeout=10).raise_for_status()

    def anchors(self) -> list[tuple[int, str]]:
        """Return the heads of the audit chain that the workers wrote to their logs."""
        heads = []
        for path in self.data.log_dir.glob("worker-*.log"):
            for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
                if '"audit.sealed"' in line:
                    entry = json.loads(line)
                    heads.append((int(entry["seq"]), str(entry["head"])))
        return heads
