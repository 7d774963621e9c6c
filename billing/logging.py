"""One way of logging for every process: JSON lines, or readable ones in a terminal; every line passes the redaction filter."""

import contextlib
import logging
import re
import sys
import threading
from collections.abc import MutableMapping
from typing import Any, TextIO, cast

import structlog
from structlog.types import EventDict, Processor

from billing.redaction import redact

# What moves a terminal's cursor, ends a line, turns the direction of reading, or (half a surrogate pair) cannot be written.
_CONTROLS = re.compile("[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
_OF_SEVERAL_LINES = frozenset({"exception", "stack"})
# These speak on every request or task, and say nothing that our own lines do not.
_QUIET = (
    "stripe",
    "urllib3",
    "httpx",
    "httpcore",
    "_granian",
    "granian.access",
    "celery.worker.strategy",
    "celery.app.trace",
    "celery.beat",
)


class _LineWriter:
    """Writes finished lines to a stream. A log that cannot be written must not stop a payment."""

    def __init__(self, name: str, stream: TextIO, lock: threading.Lock) -> None:
        self.name = name
        self._stream = stream
        self._lock = lock

    def _write(self, line: str) -> None:
        with self._lock, contextlib.suppress(OSError, ValueError):
            self._stream.write(line + "\n")
            self._stream.flush()

    debug = info = warning = error = critical = exception = _write


def configure_logging(*, level: str, format_: str, stream: TextIO | None = None) -> None:
    """Send structlog and the standard library's logs to `stream`, redacted, as `json`, `text` or by whether it is a terminal.

    Without a stream, to stdout. Our own lines go there directly: by way of the standard library each would cost twice the time.
    """
    stream, lock = stream or sys.stdout, threading.Lock()
    in_terminal = stream.isatty() if format_ == "auto" else format_ == "text"
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
        structlog.processors.format_exc_info,
        redact_event,
    ]
    rendering: list[Processor] = (
        [escape_controls, structlog.dev.ConsoleRenderer(sort_keys=False)]
        if in_terminal
        # JSON escapes control characters itself. ASCII only: a line separator of Unicode, or half a surrogate pair, would break
        # a line or its encoding.
        else [structlog.processors.JSONRenderer(ensure_ascii=True, default=repr)]
    )
    structlog.configure(
        processors=[*shared, *rendering],
        logger_factory=lambda name="": _LineWriter(name, stream, lock),
        wrapper_class=structlog.make_filtering_bound_logger(level),
    )
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=shared,
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *rendering],
    )
    handler = logging.StreamHandler(stream)
    handler.setFormatter(formatter)
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for name in _QUIET:
        logging.getLogger(name).setLevel(max(logging.WARNING, logging.getLevelName(level)))


def redact_event(_logger: Any, _method: str, event: EventDict) -> EventDict:
    """Replace secrets, card numbers and personal data in a log line; structlog's own entries are left alone."""
    own = {key: event.pop(key) for key in [key for key in event if key.startswith("_")]}
    redacted = cast("MutableMapping[str, Any]", redact(event))
    redacted.update(own)
    return redacted


def escape_controls(_logger: Any, _method: str, event: EventDict) -> EventDict:
    """Write control characters as escapes, so that no text can forge a line in a terminal or change its colours."""
    return {
        key: _CONTROLS.sub(_escaped, value) if isinstance(value, str) and key not in _OF_SEVERAL_LINES else value
        for key, value in event.items()
    }


def _escaped(found: re.Match[str]) -> str:
    return found.group().encode("unicode_escape").decode("ascii")
