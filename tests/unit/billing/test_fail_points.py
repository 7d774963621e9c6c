"""A fail point does nothing until somebody arms it, and then what it was armed with, once."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from billing import fail_points
from billing.fail_points import FIRED, SETTING, FailPointRaised, fail_point

POINT = "operation.claimed"


@pytest.fixture
def directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(fail_points, "_directory", str(tmp_path))
    return tmp_path


def test_nothing_is_looked_at_without_a_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / POINT).write_text("raise")

    fail_point(POINT)

    assert (tmp_path / POINT).exists()


def test_an_armed_point_is_met_once_and_written_down(directory: Path) -> None:
    (directory / POINT).write_text("raise")

    with pytest.raises(FailPointRaised):
        fail_point(POINT)
    fail_point(POINT)

    (line,) = (directory / FIRED).read_text().splitlines()
    assert line.split(" ")[2:] == [POINT, "raise"]


def test_another_point_is_left_alone(directory: Path) -> None:
    (directory / POINT).write_text("raise")

    fail_point("operation.after_commit")


def test_a_sleeper_wakes_up(directory: Path) -> None:
    (directory / POINT).write_text("sleep 0.01")

    fail_point(POINT)

    assert "sleep" in (directory / FIRED).read_text()


def test_a_kill_leaves_no_time_for_anything(tmp_path: Path) -> None:
    (tmp_path / POINT).write_text("kill")
    program = (
        f"from billing.fail_points import fail_point\ntry:\n    fail_point('{POINT}')\nfinally:\n    print('alive')"
    )

    ended = subprocess.run(
        [sys.executable, "-c", program], env={SETTING: str(tmp_path)}, capture_output=True, timeout=30, check=False
    )

    assert (ended.returncode, ended.stdout) == (-signal.SIGKILL, b"")
    assert POINT in (tmp_path / FIRED).read_text()
