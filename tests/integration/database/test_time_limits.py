"""A command that reads whole tables may take its time; nobody after it may."""

from typing import Any, cast

from sqlalchemy.orm import Session

from billing.database import lift_time_limits
from tests.service.world import World


def limits(session: Session) -> tuple[str, Any]:
    """Return the server's limit of a statement and ours of an answer."""
    connection = session.connection()
    server = str(connection.exec_driver_sql("SHOW statement_timeout").scalar_one())
    return server, cast("Any", connection.connection.dbapi_connection).answer_seconds_max


def test_limits_are_lifted_for_one_transaction_and_its_connection_is_closed(world: World) -> None:
    with world.session() as session:
        before = limits(session)
        lift_time_limits(session)
        lifted = limits(session)
        driver = cast("Any", session.connection().connection.dbapi_connection)

    assert before[0] != "0"
    assert before[1] is not None
    assert lifted == ("0", None)
    assert driver.closed
    with world.session() as session:
        assert limits(session) == before
