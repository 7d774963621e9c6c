"""The catalog outlives a test, so what a test changes in it is taken back."""

from collections.abc import Callable, Iterator

import pytest
from sqlalchemy import Table, delete, insert, select, text

from models import Base
from tests.service.servers import KEPT_TABLES
from tests.service.world import World

CATALOG: list[Table] = [table for table in Base.metadata.sorted_tables if table.name in KEPT_TABLES]
Change = Callable[[str], None]


@pytest.fixture
def change_catalog(world: World) -> Iterator[Change]:
    """Run a statement that changes the catalog; after the test every row of it is as it was."""
    with world.session() as session:
        kept = {table: [dict(row) for row in session.execute(select(table)).mappings()] for table in CATALOG}

    def change(statement: str) -> None:
        with world.session() as session:
            session.execute(text(statement))

    yield change
    with world.session() as session:
        session.execute(text("SET LOCAL session_replication_role = replica"))
        for table in CATALOG:
            session.execute(delete(table))
            session.execute(insert(table), kept[table])
