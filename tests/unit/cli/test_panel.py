import sys
from pathlib import Path

import pytest

from cli.options import DEFAULT_DATA_DIR
from cli.panel import command_line


def test_a_command_is_shown_as_it_can_be_typed(monkeypatch: pytest.MonkeyPatch) -> None:
    programs = Path(sys.executable).parent
    monkeypatch.setenv("PATH", "/usr/bin")
    by_path = command_line("demo", data_dir=DEFAULT_DATA_DIR)
    monkeypatch.setenv("PATH", str(programs))
    by_name = command_line("demo", data_dir=DEFAULT_DATA_DIR)

    assert by_path.endswith("/billing demo")
    assert by_name == "billing demo"


def test_another_data_directory_is_part_of_the_command() -> None:
    assert command_line("down", data_dir=Path("/srv/my stack")).endswith(" down --data-dir '/srv/my stack'")
