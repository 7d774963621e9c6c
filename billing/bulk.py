"""Many rows in one statement, each column an array: for what has to write thousands a second.

`INSERT … SELECT … FROM unnest(…)` takes a third of the time of one statement a row, and needs no temporary table.
"""

import json
from collections.abc import Mapping, Sequence
from functools import cache
from uuid import UUID

from sqlalchemy import Table
from sqlalchemy.dialects import postgresql
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Session

from models.base import Base

Row = Mapping[str, object]
_DIALECT = postgresql.dialect()  # type: ignore[no-untyped-call]  # SQLAlchemy leaves it untyped


def insert_rows(session: Session, model: type[Base], rows: Sequence[Row], *, on_conflict: str = "") -> None:
    """Insert rows, all with the same columns, which are named as in the table; values of JSON columns as they are in Python.

    `on_conflict` is what follows the insert, for example `ON CONFLICT (id) DO NOTHING`.
    """
    if rows:
        table = _table(model)
        session.connection().exec_driver_sql(f"{_insert(table, rows)} {on_conflict}", _arrays(table, rows))


def insert_new_rows(session: Session, model: type[Base], rows: Sequence[Row], *, unique: str) -> set[UUID]:
    """Insert those of the rows whose `unique` columns are not there yet, and return their ids.

    Whoever inserts the same ones at once waits for the other, in the order given. Of twins among the rows the first is taken.
    """
    if not rows:
        return set()
    table = _table(model)
    added = session.connection().exec_driver_sql(
        f"{_insert(table, rows)} ON CONFLICT ({unique}) DO NOTHING RETURNING id", _arrays(table, rows)
    )
    return set(added.scalars())


def update_rows(session: Session, model: type[Base], rows: Sequence[Row], *, changes: str) -> None:
    """Change the rows with these ids, in the order given; `changes` is the SET, which calls the new values `new.<column>`."""
    if rows:
        table = _table(model)
        session.connection().exec_driver_sql(
            f"UPDATE {table.name} SET {changes} FROM ({_select(table, tuple(rows[0]))}) AS new WHERE {table.name}.id = new.id",  # noqa: S608 - names of ours
            _arrays(table, rows),
        )


def _table(model: type[Base]) -> Table:
    table = model.__table__
    assert isinstance(table, Table)  # noqa: S101 - every model maps one table
    return table


def _insert(table: Table, rows: Sequence[Row]) -> str:
    return f"INSERT INTO {table.name} ({', '.join(rows[0])}) {_select(table, tuple(rows[0]))}"


@cache
def _select(table: Table, columns: tuple[str, ...]) -> str:
    named = ", ".join(f"{name}::jsonb AS {name}" if _is_json(table, name) else name for name in columns)
    arrays = ", ".join(f"%({name})s::{_type(table, name)}[]" for name in columns)
    return f"SELECT {named} FROM unnest({arrays}) AS given ({', '.join(columns)})"  # noqa: S608 - names of ours


def _type(table: Table, column: str) -> str:
    return "text" if _is_json(table, column) else table.c[column].type.compile(_DIALECT)


def _is_json(table: Table, column: str) -> bool:
    return isinstance(table.c[column].type, JSONB)


def _arrays(table: Table, rows: Sequence[Row]) -> dict[str, list[object]]:
    return {
        name: [None if row[name] is None else json.dumps(row[name]) for row in rows]
        if _is_json(table, name)
        else [row[name] for row in rows]
        for name in rows[0]
    }
