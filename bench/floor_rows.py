"""The floor of what writes many rows: the same rows again, by bare INSERTs, into tables of the same columns and indexes."""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import psycopg
from psycopg import sql

_SCHEMA = "floor"


class Rows(NamedTuple):
    """Rows of one table: its columns with their types, and one list of texts for each column."""

    table: str
    types: Mapping[str, str]
    columns: Sequence[Sequence[str | None]]

    def part(self, start: float, end: float) -> "Rows":
        """Return the rows from one share (0 to 1) of them to another."""
        count = len(self.columns[0])
        first, last = round(start * count), round(end * count)
        return self._replace(columns=[column[first:last] for column in self.columns])


def read(connection: psycopg.Connection, table: str, where: str) -> Rows:
    """Read rows as texts, in the order of their keys."""
    columns = connection.execute(
        "SELECT attname, format_type(atttypid, atttypmod) FROM pg_attribute WHERE attrelid = %s::regclass AND attnum > 0 "
        "AND NOT attisdropped AND attgenerated = '' ORDER BY attnum",
        (table,),
    ).fetchall()
    texts = sql.SQL(", ").join(sql.SQL("{}::text").format(sql.Identifier(name)) for name, _ in columns)
    query = sql.SQL("SELECT {} FROM {} WHERE ").format(texts, sql.Identifier(table)) + sql.SQL(where)
    rows = connection.execute(query).fetchall()
    return Rows(table, dict(columns), list(zip(*rows, strict=True)))


def make_empty(connection: psycopg.Connection, tables: Sequence[str]) -> None:
    """Make the floor's tables, or empty those that are there."""
    connection.execute(sql.SQL("DROP SCHEMA IF EXISTS {0} CASCADE; CREATE SCHEMA {0}").format(sql.Identifier(_SCHEMA)))
    for table in tables:
        connection.execute(
            sql.SQL("CREATE TABLE {} (LIKE {} INCLUDING ALL)").format(
                sql.Identifier(_SCHEMA, table), sql.Identifier("public", table)
            )
        )


def insert_together(connection: psycopg.Connection, rows: Sequence[Rows]) -> None:
    """Write rows with one statement a table: `INSERT … SELECT FROM unnest(…)`."""
    for each in rows:
        arrays = sql.SQL(", ").join(sql.SQL("%s::text[]") for _ in each.types)
        values = sql.SQL(", ").join(
            sql.SQL("{}::{}").format(sql.Identifier(name), sql.SQL(type_)) for name, type_ in each.types.items()
        )
        names = sql.SQL(", ").join(map(sql.Identifier, each.types))
        statement = sql.SQL("INSERT INTO {} ({}) SELECT {} FROM unnest({}) AS new ({})").format(
            sql.Identifier(_SCHEMA, each.table), names, values, arrays, names
        )
        connection.execute(statement, [list(column) for column in each.columns])


def insert_each(connection: psycopg.Connection, rows: Sequence[Rows]) -> None:
    """Write rows with one statement a row."""
    for each in rows:
        places = sql.SQL(", ").join(sql.SQL("%s::{}").format(sql.SQL(type_)) for type_ in each.types.values())
        names = sql.SQL(", ").join(map(sql.Identifier, each.types))
        statement = sql.SQL("INSERT INTO {} ({}) VALUES ({})").format(
            sql.Identifier(_SCHEMA, each.table), names, places
        )
        for row in zip(*each.columns, strict=True):
            connection.execute(statement, row)


def parts(rows: Sequence[Rows], count: int) -> Iterator[list[Rows]]:
    """Yield the rows in `count` parts, of each table its share."""
    for number in range(count):
        yield [each.part(number / count, (number + 1) / count) for each in rows if each.columns]
