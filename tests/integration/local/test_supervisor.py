"""What the supervisor promises, seen from outside: it is run as a program, and killed like one."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from local.control import NotInTime, UnknownProcess, restart_process, running_state, stop_stack
from local.data_dir import DataDir
from local.errors import NotRunning
from local.leftovers import end_leftovers
from local.lock import holder_pid
from local.process_table import group_lives
from local.state import ProcessState, read_state
from tests.integration.local import toy
from tests.integration.local.waiting import wait_until

Start = Callable[[], "subprocess.Popen[str]"]
ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def start(data_dir: Path) -> Iterator[Start]:
    started: list[subprocess.Popen[str]] = []

    def start_toy() -> "subprocess.Popen[str]":
        command = [sys.executable, "-m", toy.__name__, str(data_dir)]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT)
        started.append(process)
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        return process

    yield start_toy
    for process in started:
        if process.poll() is None:
            process.terminate()
        process.communicate(timeout=20)
    end_leftovers(state_path=DataDir(data_dir).state_path)


def process_named(data_dir: Path, name: str) -> ProcessState:
    state = read_state(path=DataDir(data_dir).state_path)
    assert state is not None
    process = state.process(name)
    assert process is not None
    return process


def groups_of(data_dir: Path) -> list[int]:
    state = read_state(path=DataDir(data_dir).state_path)
    assert state is not None
    return [process.pid for process in state.processes if process.pid is not None]


def test_a_dead_process_is_restarted_and_counted(data_dir: Path, start: Start) -> None:
    start()

    wait_until(lambda: process_named(data_dir, "short").restarts >= 1)

    short = process_named(data_dir, "short")
    assert short.last_exit == 0
    assert process_named(data_dir, "valkey").restarts == 0


def test_a_killed_process_takes_its_children_along_before_it_comes_back(data_dir: Path, start: Start) -> None:
    start()
    before = process_named(data_dir, "stubborn")
    assert before.pid is not None
    os.kill(before.pid, signal.SIGKILL)

    wait_until(lambda: process_named(data_dir, "stubborn").restarts == 1)

    assert not group_lives(group_id=before.pid)
    assert process_named(data_dir, "stubborn").last_exit == -signal.SIGKILL


def test_a_restart_on_request_gives_another_process(data_dir: Path, start: Start) -> None:
    start()
    before = process_named(data_dir, "valkey")

    after = restart_process(data_dir=DataDir(data_dir), name="valkey", timeout_seconds=20)

    assert after.pid != before.pid
    with pytest.raises(UnknownProcess, match="'nobody'"):
        restart_process(data_dir=DataDir(data_dir), name="nobody", timeout_seconds=1)
    with pytest.raises(NotInTime):
        restart_process(data_dir=DataDir(data_dir), name="valkey", timeout_seconds=0)


def test_a_stop_leaves_nothing_behind(data_dir: Path, start: Start) -> None:
    supervisor = start()
    groups = groups_of(data_dir)

    stop_stack(data_dir=DataDir(data_dir), timeout_seconds=20)

    assert supervisor.wait(timeout=5) == 0
    assert not any(group_lives(group_id=group) for group in groups)
    assert read_state(path=DataDir(data_dir).state_path) is None
    with pytest.raises(NotRunning):
        stop_stack(data_dir=DataDir(data_dir), timeout_seconds=1)


def test_nothing_survives_a_kill_of_the_supervisor(data_dir: Path, start: Start) -> None:
    supervisor = start()
    groups = groups_of(data_dir)
    assert len(groups) == 3

    supervisor.kill()

    wait_until(lambda: not any(group_lives(group_id=group) for group in groups))


def test_after_a_kill_the_next_start_just_works(data_dir: Path, start: Start) -> None:
    start().kill()
    wait_until(lambda: holder_pid(path=DataDir(data_dir).lock_path) is None)
    with pytest.raises(NotRunning):
        running_state(data_dir=DataDir(data_dir))

    start()

    assert running_state(data_dir=DataDir(data_dir)).process("valkey") is not None


def test_a_group_whose_pid_was_given_to_another_process_is_left_alone(data_dir: Path, start: Start) -> None:
    start()
    state_path = DataDir(data_dir).state_path
    valkey = process_named(data_dir, "valkey")
    elsewhere = data_dir / "other-state.json"
    elsewhere.write_text(
        state_path.read_text().replace(f'"started_ticks": {valkey.started_ticks}', '"started_ticks": 1')
    )

    assert "valkey" not in end_leftovers(state_path=elsewhere)

    assert process_named(data_dir, "valkey").pid == valkey.pid
    assert group_lives(group_id=valkey.pid or 0)
