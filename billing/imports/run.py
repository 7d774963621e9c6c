"""Process: import a file's rows, batch by batch; each batch is one transaction, and each row is imported once.

The same code tries a file and imports it: a trial's transactions are rolled back. Whoever is cut off imports the same file again:
what is there already is left as it is.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from itertools import islice
from typing import Protocol, TypeVar

from sqlalchemy.orm import Session

from billing.imports.outcome import RowReport, refused
from billing.imports.table import Fault
from billing.runtime import Runtime

BATCH = 500


class ImportRow(Protocol):
    """What the rows of all imports have."""

    @property
    def line(self) -> int:
        """The number of its line in the file."""

    @property
    def external_id(self) -> str:
        """What it is imported once by."""

    @property
    def keys(self) -> tuple[tuple[str, str], ...]:
        """What no other row of the file may have, by column."""


Row = TypeVar("Row", bound=ImportRow)
Use = Callable[[Session, Sequence[Row]], list[RowReport]]


class _OnlyTried(Exception):
    """Ends the transaction of a trial."""


def once_each(rows: Iterable[Row | RowReport]) -> Iterator[Row | RowReport]:
    """Yield the rows, and a refusal for each that has a key of an earlier one."""
    lines: dict[tuple[str, str], int] = {}
    for row in rows:
        if isinstance(row, RowReport):
            yield row
            continue
        twice = [
            Fault(column, f"is the same as in line {lines[column, key]}")
            for column, key in row.keys
            if (column, key) in lines
        ]
        for each in row.keys:
            lines.setdefault(each, row.line)
        yield refused(row.line, row.external_id, *twice) if twice else row


def try_rows(runtime: Runtime, rows: Iterable[Row | RowReport], use: Use[Row]) -> Iterator[list[RowReport]]:
    """Yield for each batch what would become of its rows; nothing is written. Raises DatabaseUnavailable."""
    for batch in _batches(rows):
        reports: list[RowReport] = []
        with suppress(_OnlyTried), runtime.transaction() as session:
            reports = _used(session, batch, use)
            raise _OnlyTried
        yield reports


def import_rows(runtime: Runtime, rows: Iterable[Row | RowReport], use: Use[Row]) -> Iterator[list[RowReport]]:
    """Yield for each batch, once that is committed, what became of its rows. A refused row stops nothing: try them first.

    Raises DatabaseUnavailable; the batches before are there, and the same file can be imported again.
    """
    for batch in _batches(rows):
        with runtime.transaction() as session:
            reports = _used(session, batch, use)
        yield reports


def _used(session: Session, batch: Sequence[Row | RowReport], use: Use[Row]) -> list[RowReport]:
    reports = [row for row in batch if isinstance(row, RowReport)]
    reports += use(session, [row for row in batch if not isinstance(row, RowReport)])
    return sorted(reports, key=lambda report: report.line)


def _batches(rows: Iterable[Row | RowReport]) -> Iterator[list[Row | RowReport]]:
    remaining = iter(rows)
    while batch := list(islice(remaining, BATCH)):
        yield batch
