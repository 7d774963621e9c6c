import os
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from local.errors import Misconfigured
from local.identity import NAMESPACE, NOBODY, SAME_USER, namespace_works
from local.postgres import PasswordRefused, PostgresServer
from tests.integration.local.waiting import wait_until

AS_ROOT = os.geteuid() == 0
PASSWORD = "pa ss'word/1"


@pytest.fixture(scope="module")
def fresh_cluster() -> Iterator[Path]:
    directory = Path(tempfile.mkdtemp(prefix="billing-cluster-"))
    directory.chmod(0o711)
    PostgresServer(data_dir=directory, password=PASSWORD).prepare()
    yield directory
    shutil.rmtree(directory)


@pytest.fixture
def cluster(data_dir: Path, fresh_cluster: Path) -> Path:
    # initdb takes longer than everything else here; a copy is as good.
    return shutil.copytree(fresh_cluster, data_dir / "pg")


def test_keeps_its_data_over_a_restart_and_asks_for_the_password(cluster: Path) -> None:
    server = PostgresServer(data_dir=cluster, password=PASSWORD)
    server.start()
    try:
        url = server.create_database("billing")
        assert server.create_database("billing") == url
        with psycopg.connect(url) as connection:
            connection.execute("CREATE TABLE kept (word text)")
            connection.execute("INSERT INTO kept VALUES ('yes')")
    finally:
        server.stop()

    again = PostgresServer(data_dir=cluster, port=server.port, password=PASSWORD)
    again.start()
    try:
        with psycopg.connect(url) as connection:
            assert connection.execute("SELECT word FROM kept").fetchone() == ("yes",)
            assert connection.execute("SHOW fsync").fetchone() == ("on",)
            assert connection.execute("SHOW synchronous_commit").fetchone() == ("on",)
            assert connection.execute("SHOW server_encoding").fetchone() == ("UTF8",)
        stranger = PostgresServer(data_dir=cluster, port=server.port, password="wrong")
        with pytest.raises(PasswordRefused, match="another password"):
            stranger.answers()
    finally:
        again.stop()
    assert again.pid is None


def test_a_stale_pid_file_of_another_process_is_recognised(cluster: Path) -> None:
    server = PostgresServer(data_dir=cluster, password=PASSWORD)
    server.start()
    pid_file = server.cluster_dir / "postmaster.pid"
    lines = pid_file.read_text().splitlines()
    server.stop()
    # The pid was given to another live process since: this one.
    pid_file.write_text("\n".join([str(os.getpid()), *lines[1:]]) + "\n")

    server.start()

    assert server.answers()
    server.stop()


def test_a_killed_postmaster_comes_back_with_what_it_answered(cluster: Path) -> None:
    server = PostgresServer(data_dir=cluster, password=PASSWORD)
    server.start()
    url = server.create_database("billing")
    with psycopg.connect(url) as connection:
        connection.execute("CREATE TABLE kept (number int)")
    assert server.pid is not None
    os.kill(server.pid, signal.SIGKILL)
    wait_until(lambda: server.pid is None)

    server.start()

    with psycopg.connect(url) as connection:
        assert connection.execute("SELECT count(*) FROM kept").fetchone() == (0,)
    server.stop()


def test_a_start_that_was_cut_off_leaves_no_half_cluster(data_dir: Path) -> None:
    unfinished = data_dir / "pg" / "cluster.unfinished"
    unfinished.mkdir(parents=True)
    (unfinished / "PG_VERSION").write_text("18\n")

    server = PostgresServer(data_dir=data_dir / "pg", password="secret")
    server.start()

    assert server.answers()
    assert not unfinished.exists()
    server.stop()


def test_it_never_runs_as_root(cluster: Path) -> None:
    server = PostgresServer(data_dir=cluster, password=PASSWORD)
    server.start()
    try:
        user_id = NOBODY if AS_ROOT else os.geteuid()
        assert Path(f"/proc/{server.pid}").stat().st_uid == user_id
        assert server.cluster_dir.stat().st_uid == user_id
    finally:
        server.stop()


def test_in_a_place_that_no_other_user_can_reach_root_uses_a_user_namespace(data_dir: Path) -> None:
    closed = data_dir / "closed"
    closed.mkdir(mode=0o700)
    server = PostgresServer(data_dir=closed / "pg", password=PASSWORD)
    if AS_ROOT and not namespace_works():  # a container may forbid it
        with pytest.raises(Misconfigured, match="does not run as root"):
            server.start()
        return
    server.start()
    try:
        assert server.spec().identity == (NAMESPACE if AS_ROOT else SAME_USER)
        assert server.cluster_dir.stat().st_uid == os.geteuid()
        assert stat.S_IMODE(server.cluster_dir.stat().st_mode) == 0o700
    finally:
        server.stop()


def test_it_ends_when_its_parent_is_killed(cluster: Path) -> None:
    program = (
        "import sys, time; from pathlib import Path; from local.postgres import PasswordRefused, PostgresServer\n"
        f"server = PostgresServer(data_dir=Path({str(cluster)!r}), password={PASSWORD!r}); server.start()\n"
        "print(server.pid, flush=True); time.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        server_pid = int(parent.stdout.readline())
        parent.kill()

    wait_until(lambda: not Path(f"/proc/{server_pid}").exists())
