"""Processes and files of the stack, one by one."""

import signal
import stat
import sys
from pathlib import Path

import pytest

from local.data_dir import DataDir, read_json, write_private_json
from local.errors import Misconfigured
from local.installation import load_or_choose_ports, load_or_create_secrets
from local.lock import LockIsHeld, holder_pid, supervisor_lock
from local.ports import free_port
from local.process import LOG_BYTES_MAX, ChildProcess, ProcessSpec, last_lines, rotate_log
from local.process_table import group_lives
from tests.integration.local.waiting import wait_until


def python(program: str, *, log_path: Path, grace_seconds: float = 10.0) -> ProcessSpec:
    return ProcessSpec(argv=[sys.executable, "-c", program], log_path=log_path, stop_grace_seconds=grace_seconds)


def test_output_of_both_kinds_is_appended_to_the_log(tmp_path: Path) -> None:
    log = tmp_path / "log" / "toy.log"
    for word in ("first", "second"):
        program = f"import sys; print({word!r}); print('error', file=sys.stderr)"
        ChildProcess.start(spec=python(program, log_path=log)).popen.wait()

    assert sorted(last_lines(path=log)) == ["error", "error", "first", "second"]


def test_a_process_that_does_not_listen_is_killed_after_its_grace(tmp_path: Path) -> None:
    log = tmp_path / "toy.log"
    program = "import signal, time; signal.signal(15, signal.SIG_IGN); print('deaf', flush=True); time.sleep(60)"
    process = ChildProcess.start(spec=python(program, log_path=log, grace_seconds=0.1))
    wait_until(lambda: last_lines(path=log) == ["deaf"])

    process.stop()

    assert process.returncode == -signal.SIGKILL
    assert not group_lives(group_id=process.pid)


def test_a_large_log_is_moved_aside_under_the_running_process(tmp_path: Path) -> None:
    log = tmp_path / "toy.log"
    program = "import sys\nfor line in sys.stdin: print(line, end='', flush=True)"
    with log.open("wb") as file:
        file.truncate(LOG_BYTES_MAX + 1)
    with log.open("ab") as file:
        rotate_log(path=log)
        file.write(program.encode())

    assert log.with_name("toy.log.1").stat().st_size == LOG_BYTES_MAX + 1
    assert log.read_text() == program
    rotate_log(path=log)
    assert log.read_text() == program


def test_one_supervisor_holds_a_data_directory(tmp_path: Path) -> None:
    path = tmp_path / "supervisor.lock"
    path.write_text("4711")  # what a crash leaves behind

    assert holder_pid(path=path) is None
    with supervisor_lock(path=path):
        holder = holder_pid(path=path)
        assert holder is not None
        with pytest.raises(LockIsHeld, match=str(holder)), supervisor_lock(path=path):
            pass
    assert holder_pid(path=path) is None


def test_secrets_are_generated_once_and_kept_to_oneself(tmp_path: Path) -> None:
    path = tmp_path / "secrets.json"
    first = load_or_create_secrets(path=path)

    assert load_or_create_secrets(path=path) == first
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert first.stripe_publishable_key.removeprefix("pk_test_") == first.stripe_secret_key.removeprefix("sk_test_")


@pytest.mark.parametrize("content", ["", "[]", '{"postgres_password": "x"}', '{"webhook_endpoint": null, "odd": 1}'])
def test_a_damaged_secrets_file_is_not_replaced(tmp_path: Path, content: str) -> None:
    path = tmp_path / "secrets.json"
    path.write_text(content)

    with pytest.raises(Misconfigured, match="not the secrets file"):
        load_or_create_secrets(path=path)

    assert path.read_text() == content


def test_a_port_is_kept_while_it_is_free(tmp_path: Path) -> None:
    path = tmp_path / "ports.json"
    first = load_or_choose_ports(path=path, names=["postgres", "flower"])

    assert load_or_choose_ports(path=path, names=["postgres", "flower"]) == first
    assert len(set(first.values())) == 2


def test_a_port_that_was_taken_meanwhile_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "ports.json"
    taken = free_port()
    write_private_json(path=path, value={"flower": taken})
    listen = f"s.bind(('127.0.0.1', {taken})); s.listen(); print(1, flush=True)"
    program = f"import socket, time; s = socket.socket(); {listen}; time.sleep(60)"
    other = ChildProcess.start(spec=python(program, log_path=tmp_path / "other.log"))
    wait_until(lambda: last_lines(path=tmp_path / "other.log"))

    chosen = load_or_choose_ports(path=path, names=["flower"])["flower"]

    other.stop()
    assert chosen != taken
    assert read_json(path=path) == {"flower": chosen}


def test_the_data_directory_shows_nobody_what_is_in_it(tmp_path: Path) -> None:
    data_dir = DataDir(tmp_path / "data")
    data_dir.create()

    assert stat.S_IMODE(data_dir.path.stat().st_mode) == 0o711
    assert {stat.S_IMODE(folder.stat().st_mode) for folder in data_dir.path.iterdir()} == {0o700}
