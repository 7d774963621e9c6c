from pathlib import Path

import pytest

from local.errors import Misconfigured
from local.procfile import ProcfileEntry, read_procfile


def procfile(directory: Path, text: str) -> Path:
    path = directory / "Procfile"
    path.write_text(text)
    return path


def test_lines_are_read_in_order_without_comments(tmp_path: Path) -> None:
    path = procfile(tmp_path, "# what runs\nweb: python -m app.server\n\nworker-network: celery worker: odd\n")

    entries = read_procfile(path=path)

    assert [(entry.name, entry.command) for entry in entries] == [
        ("web", "python -m app.server"),
        ("worker-network", "celery worker: odd"),
    ]
    assert [entry.kind for entry in entries] == ["web", "worker"]


@pytest.mark.parametrize("line", ["web", "web:", ": command", "a b: command"])
def test_a_line_that_is_no_entry_is_named_with_its_number(tmp_path: Path, line: str) -> None:
    path = procfile(tmp_path, f"beat: celery beat\n{line}\n")

    with pytest.raises(Misconfigured, match="line 2"):
        read_procfile(path=path)


def test_a_name_is_used_once(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match="repeats the name 'web'"):
        read_procfile(path=procfile(tmp_path, "web: a\nweb: b\n"))


def test_a_missing_procfile_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match="there is no Procfile"):
        read_procfile(path=tmp_path / "Procfile")


@pytest.mark.parametrize("option", ["--queues webhooks,payments", "-Q webhooks,payments", "--queues=webhooks,payments"])
def test_the_queues_of_a_worker_are_those_of_its_command(option: str) -> None:
    assert ProcfileEntry(name="worker", command=f"celery worker {option} -c 2").queues == ["webhooks", "payments"]


def test_a_command_without_queues_has_none() -> None:
    assert ProcfileEntry(name="beat", command="celery beat").queues == []
