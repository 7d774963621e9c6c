"""What operators see: runs, their differences page by page, and the same as CSV."""

import csv
import io

import pytest

from billing.reconciliation.find import find_run
from models.api_key import Role
from tests.integration.app.asking import require_problem
from tests.integration.reconciliation.stories import begin, differences, reconcile
from tests.service.world import World


def test_runs_are_listed_newest_first(world: World) -> None:
    world.gateway_post("payment_intents", amount=100, currency="usd")
    first, second = reconcile(world), reconcile(world)

    page = world.call("GET", "/reconciliation/runs?limit=1", role=Role.READER).json
    rest = world.call("GET", f"/reconciliation/runs?limit=1&cursor={page['next_cursor']}").json

    assert [page["data"][0]["id"], rest["data"][0]["id"]] == [second["id"], first["id"]]
    assert (rest["has_more"], page["data"][0]["differences_open"]) == (False, 1)


def test_a_run_that_is_under_way_says_where_it_is(world: World) -> None:
    begin(world)

    (run,) = world.call("GET", "/reconciliation/runs").json["data"]

    assert (run["status"], run["step"], run["finished_at"], run["totals"]) == ("running", "payments", None, [])


def test_its_differences_are_given_page_by_page(world: World) -> None:
    for _ in range(3):
        world.gateway_post("payment_intents", amount=100, currency="usd")
    run_id = reconcile(world)["id"]

    page = world.call("GET", f"/reconciliation/runs/{run_id}?limit=2").json["differences"]
    rest = world.call("GET", f"/reconciliation/runs/{run_id}?limit=2&cursor={page['next_cursor']}").json["differences"]

    shown = [each["id"] for each in page["data"] + rest["data"]]
    assert shown == [each["id"] for each in reversed(differences(world))]
    assert (page["has_more"], rest["has_more"]) == (True, False)


def test_as_csv(world: World) -> None:
    intent = world.gateway_post("payment_intents", amount=100, currency="usd")
    run_id = reconcile(world)["id"]

    answer = world.call("GET", f"/reconciliation/runs/{run_id}", headers={"Accept": "text/csv"})

    assert (answer.status_code, answer.content_type) == (200, "text/csv; charset=utf-8")
    assert answer.headers["Vary"] == "Accept"
    (line,) = csv.DictReader(io.StringIO(answer.text, newline=""))
    assert (line["gateway_id"], line["kind"]) == (intent["id"], "missing_here")


@pytest.mark.parametrize("accept", ["application/json", "*/*", "text/html", "application/json, text/csv;q=0.9"])
def test_whoever_does_not_prefer_csv_gets_json(world: World, accept: str) -> None:
    run_id = reconcile(world)["id"]

    answer = world.call("GET", f"/reconciliation/runs/{run_id}", headers={"Accept": accept})

    assert (answer.status_code, answer.content_type) == (200, "application/json")
    assert answer.headers["Vary"] == "Accept"


@pytest.mark.parametrize("unknown", ["rec_01h455vb4pex5vsknk084sn02q", "pay_01h455vb4pex5vsknk084sn02q", "x"])
def test_an_unknown_run_is_not_found(world: World, unknown: str) -> None:
    answer = world.call("GET", f"/reconciliation/runs/{unknown}")

    require_problem(answer, status=404, code="reconciliation_run_not_found")


def test_open_differences_are_a_metric(world: World) -> None:
    world.gateway_post("payment_intents", amount=100, currency="usd")
    run = reconcile(world)

    text = world.call("GET", "/metrics").text

    assert 'billing_reconciliation_open{kind="missing_here"} 1.0' in text
    assert 'billing_reconciliation_open{kind="amount_differs"} 0.0' in text
    with world.session() as session:
        assert find_run(session, public=run["id"]).requested_by == "cli"
