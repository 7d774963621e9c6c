"""The service itself under `billing up`: one story, because its start takes longest of all."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from cli.demo.command import STORY
from local.data_dir import DataDir
from local.leftovers import end_leftovers
from local.ports import free_port
from local.process_table import PROC, facts_of, group_lives
from local.state import read_state
from tests.integration.local.shell import ROOT, environment
from tests.integration.local.waiting import wait_until

LIMIT_SECONDS = 100


@pytest.fixture
def stack_dir(data_dir: Path) -> Iterator[Path]:
    yield data_dir
    billing(data_dir, "down")
    end_leftovers(state_path=DataDir(data_dir).state_path)


def billing(data_dir: Path, command: str, *arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "cli.main", command, "--data-dir", str(data_dir), *arguments],
        cwd=ROOT,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=LIMIT_SECONDS,
        check=False,
    )


def members_of(groups: set[int]) -> set[int]:
    pids = (int(entry.name) for entry in PROC.iterdir() if entry.name.isdigit())
    return {pid for pid in pids if (facts := facts_of(pid=pid)) is not None and facts.group_id in groups}


def test_the_first_start_tells_the_story_and_a_kill_leaves_nothing(stack_dir: Path) -> None:
    up = billing(stack_dir, "up", "--detach", "--port", str(free_port()))
    assert up.returncode == 0, up.stderr
    assert f"{len(STORY)} of {len(STORY)} steps went through" in up.stdout, up.stdout

    doctor = billing(stack_dir, "doctor", "--json")
    findings = {finding["check"]: finding["verdict"] for finding in json.loads(doctor.stdout)}
    assert doctor.returncode == 0, doctor.stdout
    assert {"migrations", "postgres durability", "credits persistence", "stripe"} <= set(findings)
    assert "not checked" not in findings.values()

    state = read_state(path=stack_dir / "state.json")
    assert state is not None
    groups = {process.pid for process in state.processes if process.pid is not None}
    # The API's and the pool's children are among them: those that a killed parent would leave behind.
    assert len(members_of(groups)) > len(groups)
    os.kill(state.supervisor_pid, signal.SIGKILL)
    wait_until(lambda: not any(group_lives(group_id=group) for group in groups))
