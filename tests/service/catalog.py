"""The catalog outlives a test, so what a test changes in it is taken back.

What is published never changes: a test that needs another catalog switches off the triggers that see to it, or publishes one.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Table, delete, insert, select, text

from models import Base
from tests.service.servers import KEPT_TABLES
from tests.service.world import World

CATALOG: list[Table] = [table for table in Base.metadata.sorted_tables if table.name in (*KEPT_TABLES, "prices")]
_WITHOUT_TRIGGERS = text("SET LOCAL session_replication_role = replica")


@contextmanager
def catalog_kept(world: World) -> Iterator[None]:
    """Bring every row of the catalog back to what it was before."""
    with world.session() as session:
        kept = {table: [dict(row) for row in session.execute(select(table)).mappings()] for table in CATALOG}
    yield
    with world.session() as session:
        session.execute(_WITHOUT_TRIGGERS)
        for table in CATALOG:
            session.execute(delete(table))
            session.execute(insert(table), kept[table])


def change_catalog(world: World, statement: str) -> None:
    """Run a statement that changes the catalog, with the triggers off that refuse it."""
    with world.session() as session:
        session.execute(_WITHOUT_TRIGGERS)
        session.execute(text(statement))
