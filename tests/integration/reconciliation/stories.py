"""Words that the stories about reconciliation share."""

from datetime import timedelta
from typing import Any

from sqlalchemy import select

from billing.actor import OPERATOR_CLI
from billing.clock import utc_now
from billing.reconciliation.representation import difference_representation
from billing.reconciliation.run import advance_run, begin_run
from models.reconciliation import ReconciliationDifference
from tests.service.world import World

HOUR = timedelta(hours=1)
SLICES_MAX = 400


def begin(world: World, *, since: timedelta = HOUR) -> None:
    """Begin a run over the past hour, the present moment included."""
    now = utc_now()
    with world.session() as session:
        begin_run(session, since=now - since, until=now + HOUR, actor=OPERATOR_CLI, now=now)


def finish(world: World) -> None:
    """Do slices until the run has ended."""
    for _ in range(SLICES_MAX):
        if not advance_run(world.runtime, now=utc_now):
            return
    raise AssertionError(f"the run did not end within {SLICES_MAX} slices")


def reconcile(world: World) -> dict[str, Any]:
    """Begin a run, let it end, and return it as the API shows it."""
    begin(world)
    finish(world)
    newest = world.call("GET", "/reconciliation/runs").json["data"][0]
    assert newest["status"] == "finished", newest
    found: dict[str, Any] = world.call("GET", f"/reconciliation/runs/{newest['id']}").json
    return found


def differences(world: World) -> list[dict[str, Any]]:
    """Return all differences there are, oldest first."""
    with world.session() as session:
        rows = session.scalars(select(ReconciliationDifference).order_by(ReconciliationDifference.id))
        return [difference_representation(row) for row in rows]


def said(world: World) -> list[tuple[str, str, str, str]]:
    """Return what each difference says: the type of object, the kind, the proposed mend, the state."""
    return [
        (each["object_type"], each["kind"], each["proposed_mend"]["code"], each["state"]) for each in differences(world)
    ]
