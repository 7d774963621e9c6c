"""`billing up` as a user runs it, on a toy service: the embedded servers, the sandbox and the supervisor are the real ones."""

import json
import os
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest
import redis

from local.data_dir import DataDir
from local.leftovers import end_leftovers
from local.ports import free_port, is_free
from local.process_table import group_lives
from local.state import read_state
from tests.integration.local.shell import ROOT, environment
from tests.integration.local.waiting import wait_until

PROCFILE = Path(__file__).with_name("toy_service") / "Procfile"
LIMIT_SECONDS = 60
BILLING = [sys.executable, "-m", "cli.main"]
Billing = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def port() -> int:
    return free_port()


@pytest.fixture(scope="module")
def made_before() -> Iterator[Path]:
    """A data directory after its first start: what that makes is the slow part, and a copy is as good."""
    directory = Path(tempfile.mkdtemp(prefix="billing-made-"))
    arguments = [
        "--data-dir",
        str(directory),
        "--procfile",
        str(PROCFILE),
        "--port",
        str(free_port()),
        "--no-demo",
        "-d",
    ]
    subprocess.run([*BILLING, "up", *arguments], cwd=ROOT, env=environment(), check=True, capture_output=True)
    subprocess.run([*BILLING, "down", "--data-dir", str(directory)], cwd=ROOT, check=True, capture_output=True)
    yield directory
    shutil.rmtree(directory)


@pytest.fixture
def warm(data_dir: Path, made_before: Path) -> None:
    shutil.copytree(made_before, data_dir, dirs_exist_ok=True)


@pytest.fixture
def billing(data_dir: Path, port: int) -> Iterator[Billing]:
    def run(command: str, *arguments: str, **env: str) -> "subprocess.CompletedProcess[str]":
        if command == "up":
            arguments = ("--procfile", str(PROCFILE), "--port", str(port), "--no-demo", *arguments)
        return subprocess.run(
            [*BILLING, command, "--data-dir", str(data_dir), *arguments],
            cwd=ROOT,
            env=environment(**env),
            capture_output=True,
            text=True,
            timeout=LIMIT_SECONDS,
            check=False,
        )

    yield run
    run("down")
    end_leftovers(state_path=DataDir(data_dir).state_path)


def groups(data_dir: Path) -> dict[str, int]:
    state = read_state(path=DataDir(data_dir).state_path)
    assert state is not None
    return {process.name: process.pid for process in state.processes if process.pid is not None}


def test_everything_is_there_and_goes_again(data_dir: Path, port: int, billing: Billing) -> None:
    up = billing("up", "--detach")
    assert up.returncode == 0, up.stderr

    path = data_dir / "stack.json"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    stack = json.loads(path.read_text())
    assert stack["version"] == 1
    assert stack["api_url"] == f"http://127.0.0.1:{port}"
    assert set(stack["processes"]) == {
        *("postgres", "valkey-broker", "valkey-credits", "sandbox"),
        *("web", "worker-toy", "beat", "flower"),
    }
    with psycopg.connect(stack["database_url"]) as connection:
        assert connection.execute("SELECT version_num FROM alembic_version").fetchone() == ("0001",)
    for url in (stack["broker_url"], stack["credits_url"]):
        with redis.Redis.from_url(url) as client:
            assert client.ping()
    assert stack["stripe_webhook_secret"].startswith("whsec_")
    assert stack["api_key"] in up.stdout

    again = billing("up")
    assert again.returncode == 0
    assert "runs already" in again.stderr
    assert stack["api_url"] in again.stdout

    left = groups(data_dir)
    down = billing("down")
    assert down.returncode == 0, down.stderr
    assert not path.exists()
    assert not any(group_lives(group_id=group) for group in left.values())
    assert billing("down").returncode == 3
    assert billing("status").returncode == 3


def test_a_second_start_keeps_what_the_first_made_and_mends_its_key(data_dir: Path, billing: Billing) -> None:
    assert billing("up", "--detach").returncode == 0
    first = json.loads((data_dir / "stack.json").read_text())
    billing("down")

    assert billing("up", "--detach").returncode == 0

    second = json.loads((data_dir / "stack.json").read_text())
    assert {**second, "processes": None} == {**first, "processes": None}
    assert (data_dir / "calls").read_text().splitlines() == ["migrate", "keys create --name local --role admin --json"]

    # Unless the database was replaced, and does not know the key any more.
    billing("down")
    secrets = data_dir / "secrets.json"
    secrets.write_text(secrets.read_text().replace("bk_test_toy", "bk_test_of_another_database"))

    assert billing("up", "--detach").returncode == 0

    assert json.loads((data_dir / "stack.json").read_text())["api_key"] == "bk_test_toy"


@pytest.mark.usefixtures("warm")
def test_a_process_that_dies_or_is_restarted_shows_in_status(data_dir: Path, billing: Billing) -> None:
    assert billing("up", "--detach").returncode == 0
    before = groups(data_dir)
    os.kill(before["web"], signal.SIGKILL)
    wait_until(lambda: groups(data_dir).get("web", before["web"]) != before["web"])

    restarted = billing("restart", "worker-toy")
    assert restarted.returncode == 0, restarted.stderr

    wait_until(lambda: json.loads((data_dir / "stack.json").read_text())["processes"] == groups(data_dir))
    status = json.loads(billing("status", "--json").stdout)
    restarts = {process["name"]: process["restarts"] for process in status["process_states"]}
    assert restarts["web"] == 1
    assert restarts["worker-toy"] == 1
    assert restarts["postgres"] == 0
    assert billing("restart", "nobody").returncode == 1
    assert "export DATABASE_URL=postgresql://" in billing("status", "--env").stdout
    assert "ready to accept connections" in billing("logs", "postgres").stdout
    assert billing("logs", "nobody").returncode == 1


@pytest.mark.usefixtures("warm")
def test_nothing_survives_a_kill_of_the_supervisor(data_dir: Path, billing: Billing) -> None:
    assert billing("up", "--detach").returncode == 0
    left = groups(data_dir)
    assert len(left) == 8

    os.kill(int((data_dir / "supervisor.lock").read_text()), signal.SIGKILL)

    wait_until(lambda: not any(group_lives(group_id=group) for group in left.values()))
    again = billing("up", "--detach")
    assert again.returncode == 0, again.stderr


@pytest.mark.usefixtures("warm")
def test_ctrl_c_stops_in_order(data_dir: Path, port: int, billing: Billing) -> None:
    arguments = ["--data-dir", str(data_dir), "--procfile", str(PROCFILE), "--port", str(port), "--no-demo"]
    with subprocess.Popen(
        [*BILLING, "up", *arguments],
        cwd=ROOT,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as supervisor:
        wait_until((data_dir / "stack.json").exists, timeout_seconds=LIMIT_SECONDS)
        left = groups(data_dir)
        supervisor.send_signal(signal.SIGINT)
        _, messages = supervisor.communicate(timeout=LIMIT_SECONDS)

    assert supervisor.returncode == 0
    assert "Stopped." in messages
    assert not any(group_lives(group_id=group) for group in left.values())


def test_a_failed_phase_shows_its_log_and_leaves_nothing(data_dir: Path, billing: Billing) -> None:
    up = billing("up", TOY_BREAKS="migrate")

    assert up.returncode == 1
    assert "the toy was told to break" in up.stderr
    assert "mend:" in up.stderr
    assert not (data_dir / "state.json").exists()
    assert billing("status").returncode == 3


def test_a_taken_port_is_named(port: int, billing: Billing) -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "http.server", "--bind", "127.0.0.1", str(port)], stderr=subprocess.PIPE
    ) as other:
        assert other.stderr is not None
        wait_until(lambda: not is_free(port=port))
        up = billing("up")
        other.terminate()

    assert up.returncode == 4
    assert f"port {port} on 127.0.0.1 is taken" in up.stderr
    assert "--port" in up.stderr


def test_an_own_server_that_is_not_there_is_named_without_its_password(billing: Billing) -> None:
    nobody_listens = free_port()

    up = billing("up", DATABASE_URL=f"postgresql://me:hidden@127.0.0.1:{nobody_listens}/billing")

    assert up.returncode == 5
    assert f"127.0.0.1:{nobody_listens}" in up.stderr
    assert "hidden" not in up.stderr


@pytest.mark.usefixtures("warm")
def test_own_servers_replace_the_embedded_ones(data_dir: Path, billing: Billing) -> None:
    assert billing("up", "--detach").returncode == 0
    env = json.loads((data_dir / "environment.json").read_text())
    own = {name: env[name] for name in ("DATABASE_URL", "REDIS_URL", "REDIS_CREDITS_URL")}
    other_dir = data_dir / "other"

    arguments = [
        "--data-dir",
        str(other_dir),
        "--procfile",
        str(PROCFILE),
        "--port",
        str(free_port()),
        "--no-demo",
        "-d",
    ]
    up = subprocess.run(
        [*BILLING, "up", *arguments],
        cwd=ROOT,
        env=environment(**own, TOY_BREAKS="migrate"),
        capture_output=True,
        text=True,
        timeout=LIMIT_SECONDS,
        check=False,
    )

    # The toy's migration was told to break; until then only the sandbox had been started.
    assert "Stripe sandbox" in up.stderr
    assert "Postgres" not in up.stderr
    assert "Valkey" not in up.stderr
    assert up.returncode == 1


def test_a_stripe_key_without_its_webhook_secret_is_refused(billing: Billing) -> None:
    up = billing("up", STRIPE_SECRET_KEY="sk_test_mine", STRIPE_WEBHOOK_SECRET="")

    assert up.returncode == 4
    assert "STRIPE_WEBHOOK_SECRET" in up.stderr
