"""How a CSV file is read: what is wrong is said with its line, and nothing is guessed."""

import csv
import io
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.imports import table
from billing.imports.table import TableRow, TableUnreadable, read_table

COLUMNS = ("id", "name", "city")


def rows_of(text: str | bytes) -> list[TableRow]:
    raw = text if isinstance(text, bytes) else text.encode()
    return list(read_table(io.BytesIO(raw), required=("id",), optional=COLUMNS))


def test_rows_have_the_lines_on_which_they_begin() -> None:
    rows = rows_of('id,name\n1,"two\nlines"\n\n2, Ada \n')

    assert [(row.line, row.cells) for row in rows] == [
        (2, {"id": "1", "name": "two\nlines"}),
        (5, {"id": "2", "name": "Ada"}),
    ]


def test_a_spreadsheets_file_is_read_too() -> None:
    assert rows_of("\ufeffid,name\r\n1,Jürgen\r\n")[0].cells == {"id": "1", "name": "Jürgen"}


def test_empty_cells_and_metadata() -> None:
    assert rows_of("metadata.tier,id,city\ngold,1,\n")[0].cells == {"metadata.tier": "gold", "id": "1"}


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("", 1, "the file is empty"),
        ("name\nAda\n", 1, "the column id is missing"),
        ("id,nmae\n", 1, "unknown column nmae"),
        ("id,name,name\n", 1, "the column name is there more than once"),
        ("id;name\n1;Ada\n", 1, "separated by commas"),
        (b"id\n1\n\xe4\n", 3, "no UTF-8"),
        ('id,name\n1,"Ada\n', 2, "no CSV"),
        ('id,name\n1,"Ada"x\n', 2, "no CSV"),
        ("id\n1\n\x00\n", 3, "NUL"),
        ("id\n" + "x" * 100_001, 2, "bytes at most"),
    ],
)
def test_a_file_that_cannot_be_read_says_where_and_why(text: str | bytes, line: int, said: str) -> None:
    with pytest.raises(TableUnreadable) as raised:
        rows_of(text)

    assert raised.value.line == line
    assert said in raised.value.detail


def test_rows_that_do_not_fit_the_header_are_faulty_and_the_others_are_read() -> None:
    rows = rows_of(f"id,name\n1\n2,Ada,x\n3,{'y' * 5_001}\n4,Grace\n")

    assert [bool(row.faults) for row in rows] == [True, True, True, False]
    assert rows[0].faults[0].detail == "the row has 1 cells, the header 2"
    assert rows[2].faults[0].column == "name"


def test_a_file_has_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(table, "ROWS_MAX", 2)

    assert len(rows_of("id\n1\n2\n")) == 2
    with pytest.raises(TableUnreadable, match="line 4: a file has 2 rows at most"):
        rows_of("id\n1\n2\n3\n")


@given(st.binary(max_size=300))
def test_whatever_the_bytes_are_there_are_rows_or_a_reason(raw: bytes) -> None:
    with suppress(TableUnreadable):
        rows = rows_of(b"id,name,city\n" + raw)
        assert [row.line for row in rows] == sorted({row.line for row in rows})


cells = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=40).map(str.strip)


@given(st.lists(st.tuples(cells.filter(bool), cells, cells), max_size=20))
def test_what_a_program_writes_is_read_as_it_was(written: list[tuple[str, str, str]]) -> None:
    file = io.StringIO()
    csv.writer(file).writerows([COLUMNS, *written])

    rows = rows_of(file.getvalue())

    assert [tuple(row.cells.get(column, "") for column in COLUMNS) for row in rows] == written
