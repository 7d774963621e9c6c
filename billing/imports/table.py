"""Rule: how a CSV file is read: UTF-8, a header of known names, a line for each row; nothing is guessed.

Read row by row, so that a file may be larger than memory.
"""

import csv
from collections.abc import Collection, Iterator
from typing import BinaryIO, NamedTuple

ROWS_MAX = 500_000
CELL_CHARACTERS_MAX = 5_000
LINE_BYTES_MAX = 100_000
METADATA_PREFIX = "metadata."


class Fault(NamedTuple):
    """What is wrong with a row: the column, where it is one, and why, for people."""

    column: str | None
    detail: str


class TableRow(NamedTuple):
    """A row: the number of its (first) line in the file, and its cells by column, without those that are empty."""

    line: int
    cells: dict[str, str]
    faults: tuple[Fault, ...] = ()


class TableUnreadable(Exception):
    """The file cannot be read on from a line, for the reason that it says."""

    def __init__(self, line: int, detail: str) -> None:
        super().__init__(f"line {line}: {detail}")
        self.line = line
        self.detail = detail


def read_table(file: BinaryIO, *, required: Collection[str], optional: Collection[str]) -> Iterator[TableRow]:
    """Yield the rows below the header, without empty ones. Columns may come in any order; `metadata.…` is always known.

    A row with too many or too few cells has a fault. Raises TableUnreadable for a header that is wrong, for what is no UTF-8
    or no CSV, and past ROWS_MAX.
    """
    lines = _Lines(file)
    reader = csv.reader(lines, strict=True)
    try:
        header = next(reader, None)
        if header is None:
            raise TableUnreadable(
                1, f"the file is empty; its first line names the columns: {', '.join(sorted(required))}"
            )
        columns = _columns(header, required=required, optional=optional)
        begun, number = lines.read, 0
        for cells in reader:
            line, begun = begun + 1, lines.read
            if not any(cell.strip() for cell in cells):
                continue
            number += 1
            if number > ROWS_MAX:
                raise TableUnreadable(line, f"a file has {ROWS_MAX:,} rows at most; split it")
            yield _row(line, columns, cells)
    except csv.Error as error:
        raise TableUnreadable(max(lines.read, 1), f"this is no CSV: {error}") from None


class _Lines:
    """The file's lines as text, with the number of those that were read."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.read = 0

    def __iter__(self) -> Iterator[str]:
        while line := self._file.readline(LINE_BYTES_MAX + 1):
            self.read += 1
            if len(line) > LINE_BYTES_MAX:
                raise TableUnreadable(self.read, f"a line has {LINE_BYTES_MAX:,} bytes at most")
            try:
                text = line.decode("utf-8-sig" if self.read == 1 else "utf-8")
            except UnicodeDecodeError as error:
                raise TableUnreadable(
                    self.read, f"this is no UTF-8 (byte {error.start + 1} of the line); save the file as UTF-8"
                ) from None
            if "\x00" in text:
                raise TableUnreadable(self.read, "this line holds a NUL character")
            yield text


def _columns(header: list[str], *, required: Collection[str], optional: Collection[str]) -> list[str]:
    columns = [name.strip() for name in header]
    if len(columns) == 1 and any(mark in columns[0] for mark in ";\t|"):
        raise TableUnreadable(1, "the columns are to be separated by commas")
    twice = sorted({name for name in columns if columns.count(name) > 1})
    if twice:
        raise TableUnreadable(1, f"the column {', '.join(twice)} is there more than once")
    known = {*required, *optional}
    unknown = [name for name in columns if name not in known and not name.startswith(METADATA_PREFIX)]
    if unknown:
        raise TableUnreadable(
            1, f"unknown column {', '.join(unknown)}; known are {', '.join(sorted(known))}, metadata.…"
        )
    missing = sorted(set(required) - set(columns))
    if missing:
        raise TableUnreadable(1, f"the column {', '.join(missing)} is missing")
    return columns


def _row(line: int, columns: list[str], cells: list[str]) -> TableRow:
    faults = []
    if len(cells) != len(columns):
        faults.append(Fault(None, f"the row has {len(cells)} cells, the header {len(columns)}"))
    found = {column: text for column, cell in zip(columns, cells, strict=False) if (text := cell.strip())}
    faults += [
        Fault(column, f"takes {CELL_CHARACTERS_MAX:,} characters at most")
        for column, text in found.items()
        if len(text) > CELL_CHARACTERS_MAX
    ]
    return TableRow(line, found, tuple(faults))
