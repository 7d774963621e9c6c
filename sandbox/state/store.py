"""The one SQLite file, and transactions over it.

The sandbox's event loop is its only reader and writer, so there is one connection and no lock. An answer leaves only
after its commit: with the write-ahead log a commit is in the operating system's hands, so it survives a kill -9 of the
process (a power cut may lose the last moments, never the file's consistency).
"""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import resources
from pathlib import Path

from sandbox.json_types import Json, to_text
from sandbox.state.facets import Facets, facets_of

# How long to wait for a sandbox that is just stopping to give the file free.
_LOCK_SECONDS = 1.0

_TABLES = ("facets", "objects", "idempotency_keys", "jobs", "deliveries", "settings")


class Transaction:
    """Reads and writes of one request. Objects are plain dictionaries; `save` makes a change of one permanent.

    `changed` gathers the kinds of what was written, for those who wait for it.
    """

    def __init__(self, *, connection: sqlite3.Connection) -> None:
        self.sql = connection
        self.changed: set[str] = set()
        self._loaded: dict[str, Json] = {}
        self._stored: dict[str, tuple[str, Facets]] = {}

    def find(self, *, kind: str, object_id: str) -> Json | None:
        """Return the object, the same dictionary each time within this transaction, or None."""
        loaded = self._loaded.get(object_id)
        if loaded is not None:
            return loaded if loaded["object"] == kind else None
        row = self.sql.execute("SELECT body FROM objects WHERE id = ? AND kind = ?", (object_id, kind)).fetchone()
        return None if row is None else self.adopt(object_id=object_id, text=row[0])

    def adopt(self, *, object_id: str, text: str) -> Json:
        """Return the object of a stored text, unless this transaction has loaded it already: then that one."""
        if object_id not in self._loaded:
            self._remember(json.loads(text), text=text)
        return self._loaded[object_id]

    def add(self, *, body: Json) -> Json:
        """Store a new object and return it."""
        text, kind = to_text(body), body["object"]
        cursor = self.sql.execute(
            "INSERT INTO objects (id, kind, created, body) VALUES (?, ?, ?, ?)",
            (body["id"], kind, body["created"], text),
        )
        self._remember(body, text=text)
        facets = self._stored[body["id"]][1]
        if facets:
            self._write_facets(kind=kind, seq=cursor.lastrowid, gone=set(), new=facets)
        self.changed.add(kind)
        return body

    def save(self, *, body: Json) -> None:
        """Store a changed object."""
        text, kind = to_text(body), body["object"]
        self.sql.execute("UPDATE objects SET body = ? WHERE id = ?", (text, body["id"]))
        was = self._stored[body["id"]][1]
        self._remember(body, text=text)
        now = self._stored[body["id"]][1]
        if was != now:
            self._write_facets(kind=kind, seq=self._seq(body), gone=was - now, new=now - was)
        self.changed.add(kind)

    def as_stored(self, *, body: Json) -> Json:
        """Return an object as it was loaded or last saved, without the changes since."""
        stored: Json = json.loads(self._stored[body["id"]][0])
        return stored

    def remove(self, *, body: Json) -> None:
        """Forget an object altogether."""
        seq = self._seq(body)
        self._write_facets(kind=body["object"], seq=seq, gone=self._stored[body["id"]][1], new=set())
        self.sql.execute("DELETE FROM objects WHERE seq = ?", (seq,))
        del self._loaded[body["id"]]
        self.changed.add(body["object"])

    def _remember(self, body: Json, *, text: str) -> None:
        self._loaded[body["id"]] = body
        self._stored[body["id"]] = (text, facets_of(body))

    def _seq(self, body: Json) -> int:
        (seq,) = self.sql.execute("SELECT seq FROM objects WHERE id = ?", (body["id"],)).fetchone()
        return int(seq)

    def _write_facets(self, *, kind: str, seq: int | None, gone: Facets, new: Facets) -> None:
        self.sql.executemany(
            "DELETE FROM facets WHERE kind = ? AND field = ? AND value = ? AND seq = ?",
            [(kind, name, value, seq) for name, value in gone],
        )
        self.sql.executemany(
            "INSERT INTO facets (kind, field, value, seq) VALUES (?, ?, ?, ?)",
            [(kind, name, value, seq) for name, value in new],
        )


class Store:
    """Opens the file, hands out transactions and forgets everything on demand."""

    def __init__(self, *, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._connection = sqlite3.connect(path, isolation_level=None, timeout=_LOCK_SECONDS)
        # No other process shares the file: a second sandbox on the same directory is refused, and locking costs nothing.
        self._connection.execute("PRAGMA locking_mode = EXCLUSIVE")
        self._connection.execute("PRAGMA journal_mode = WAL")
        self._connection.execute("PRAGMA synchronous = NORMAL")
        # Rarer checkpoints than the default of 1,000 pages: each one waits for the disk.
        self._connection.execute("PRAGMA wal_autocheckpoint = 8000")
        self._connection.execute("PRAGMA cache_size = -32000")
        self._connection.executescript(resources.files("sandbox.state").joinpath("schema.sql").read_text("utf-8"))

    @contextmanager
    def transaction(self) -> Iterator[Transaction]:
        """Give a transaction that commits at the end of the block and rolls back when it raises."""
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            yield Transaction(connection=self._connection)
        except BaseException:
            self._connection.execute("ROLLBACK")
            raise
        self._connection.execute("COMMIT")

    def reader(self) -> Transaction:
        """Return a transaction for reading one thing at a time, without the cost of opening and committing one."""
        return Transaction(connection=self._connection)

    def forget_everything(self) -> None:
        """Empty every table."""
        with self.transaction() as transaction:
            for table in _TABLES:
                transaction.sql.execute(f"DELETE FROM {table}")  # noqa: S608 - names from the constant above

    def close(self) -> None:
        """Close the file."""
        self._connection.close()
