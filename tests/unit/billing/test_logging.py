"""What a log line looks like, whatever is logged."""

import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
import structlog
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from billing.logging import configure_logging

HOSTILE = 'Ada\nLovelace\r\x1b[31m"red"\x00\u2028\x85\u202e\ud800 {} %s'


@pytest.fixture(autouse=True)
def _restored() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    structlog.contextvars.clear_contextvars()
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    written = capsys.readouterr().out
    assert written.isascii()
    return [json.loads(line) for line in written.splitlines()]


def test_hostile_values_stay_on_one_line_of_json(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging(level="INFO", format_="json")
    structlog.get_logger("ours").info("customer.created", path=HOSTILE, **{HOSTILE: [HOSTILE]})
    logging.getLogger("theirs").warning("got %s from %s", HOSTILE, HOSTILE)

    ours, theirs = lines(capsys)
    assert (ours["event"], ours["level"], ours["path"]) == ("customer.created", "info", HOSTILE)
    assert theirs["event"] == f"got {HOSTILE} from {HOSTILE}"


@settings(deadline=None, max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=st.text(st.characters(codec=None, categories=None)))
def test_any_text_is_one_line(capsys: pytest.CaptureFixture[str], text: str) -> None:
    configure_logging(level="INFO", format_="json")
    logging.getLogger("theirs").info("x%s", text)

    (line,) = lines(capsys)
    assert line["event"].startswith("x")


def test_an_exception_is_on_the_line_with_its_secrets_taken_out(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging(level="INFO", format_="json")
    error = ValueError("no route to postgresql://billing:hunter2@db/billing for ada@example.com 4242424242424242")
    logging.getLogger("theirs").error("failed", exc_info=error)

    (line,) = lines(capsys)
    assert "ValueError" in line["exception"]
    assert not any(secret in line["exception"] for secret in ("hunter2", "ada@", "4242424242424242"))


def test_objects_that_are_no_json_are_shown_as_text(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging(level="INFO", format_="json")
    structlog.get_logger("ours").info("x", parts={1, 2}, kind=ValueError, email={"deep": ["ada@example.com"]})

    (line,) = lines(capsys)
    assert line["email"] == "[redacted]"
    assert line["parts"] == "{1, 2}"


def test_below_the_level_nothing_is_written(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging(level="WARNING", format_="json")
    structlog.get_logger("ours").info("x")
    logging.getLogger("stripe").info("request with a body")

    assert lines(capsys) == []


def test_the_readable_form_lets_no_text_forge_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging(level="INFO", format_="text")
    structlog.get_logger("ours").info("customer.created", path=HOSTILE)
    logging.getLogger("theirs").warning("got %s", HOSTILE)

    written = capsys.readouterr().out
    assert len(written.splitlines()) == 2
    assert '\x1b[31m"red' not in written


def test_the_readable_form_redacts_too(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging(level="INFO", format_="text")
    structlog.get_logger("ours").info("paid", by="ada@example.com", number=4242424242424242)

    written = capsys.readouterr().out
    assert "paid" in written
    assert not any(secret in written for secret in ("ada@", "4242424242424242"))
