"""`GET /ledger/…`: accounts, entries and the trial balance, as JSON and as CSV."""

import csv
import io
from datetime import timedelta

from sqlalchemy import text

from billing.clock import utc_now
from billing.timestamps import iso
from models.api_key import Role
from tests.integration.app.asking import require_problem
from tests.integration.ledger.stories import balances, entries
from tests.service.world import World

CSV = {"Accept": "text/csv"}


def refunded(world: World, customer: str, *, currency: str = "USD") -> dict[str, str]:
    payment = world.pay(customer, currency=currency)
    world.call("POST", "/payments/refund", {"payment_id": payment["id"], "amount": 900})
    world.work()
    return {"payment": payment["id"], "refund": world.payment(payment["id"])["refunds"][0]["id"]}


def shift(world: World, *, kind: str, days: int) -> None:
    """Let entries of a kind have happened some days ago; the guard is off for this one transaction."""
    with world.session() as session:
        session.execute(text("SET LOCAL session_replication_role = replica"))
        session.execute(
            text(
                "UPDATE ledger_entries SET occurred_at = occurred_at - make_interval(days => :days) WHERE kind = :kind"
            ),
            {"days": days, "kind": kind},
        )


def test_accounts_are_shown_on_their_normal_side(world: World) -> None:
    refunded(world, world.customer())

    answer = world.call("GET", "/ledger/accounts", role=Role.READER)

    assert answer.json == {
        "data": [
            {
                "account": "gateway_clearing",
                "asset": "USD",
                "side": "debit",
                "balance": 2000,
                "debit": 2900,
                "credit": 900,
            },
            {"account": "revenue", "asset": "USD", "side": "credit", "balance": 2900, "debit": 0, "credit": 2900},
            {"account": "refunds", "asset": "USD", "side": "debit", "balance": 900, "debit": 900, "credit": 0},
        ]
    }


def test_balances_of_an_instant_are_of_what_had_happened_by_then(world: World) -> None:
    refunded(world, world.customer())
    shift(world, kind="payment_captured", days=10)
    yesterday = iso(utc_now() - timedelta(days=1))

    assert balances(world, as_of=yesterday) == {"gateway_clearing USD": 2900, "revenue USD": 2900}
    assert balances(world, as_of=iso(utc_now() - timedelta(days=11))) == {}
    assert balances(world)["gateway_clearing USD"] == 2000
    trial = world.call("GET", "/ledger/trial-balance", query_string={"as_of": yesterday}).json
    assert trial == {"data": [{"asset": "USD", "debit": 2900, "credit": 2900}]}


def test_the_trial_balance_has_a_line_for_each_asset(world: World) -> None:
    customer = world.customer()
    refunded(world, customer)
    refunded(world, customer, currency="EUR")

    expected = [{"asset": asset, "debit": 3800, "credit": 3800} for asset in ("EUR", "USD")]
    assert world.call("GET", "/ledger/trial-balance").json == {"data": expected}
    shown = world.call("GET", "/ledger/trial-balance", headers=CSV)
    assert (shown.content_type, shown.headers["Vary"]) == ("text/csv; charset=utf-8", "Accept")
    assert shown.text == "asset,debit,credit\r\nEUR,3800,3800\r\nUSD,3800,3800\r\n"


def test_each_filter_of_entries_finds_what_it_names(world: World) -> None:
    ada, bob = world.customer(), world.customer()
    of_ada, of_bob = refunded(world, ada), refunded(world, bob, currency="EUR")
    shift(world, kind="payment_captured", days=10)
    week_ago = iso(utc_now() - timedelta(days=7))

    def found(**filters: str) -> list[str]:
        return [entry["reference"] for entry in entries(world, **filters)]

    assert found() == [of_ada["payment"], of_ada["refund"], of_bob["payment"], of_bob["refund"]]
    assert found(customer_id=ada) == [of_ada["payment"], of_ada["refund"]]
    assert found(kind="refund_paid") == [of_ada["refund"], of_bob["refund"]]
    assert found(account="revenue") == [of_ada["payment"], of_bob["payment"]]
    assert found(asset="eur") == [of_bob["payment"], of_bob["refund"]]
    assert found(account="refunds", asset="USD") == [of_ada["refund"]]
    assert found(asset="credits") == []
    assert found(reference=of_bob["refund"]) == [of_bob["refund"]]
    assert found(**{"from": week_ago}) == [of_ada["refund"], of_bob["refund"]]
    assert found(to=week_ago) == [of_ada["payment"], of_bob["payment"]]


def test_an_entry_is_shown_with_its_lines_in_order(world: World) -> None:
    customer = world.customer()
    payment = world.pay(customer)

    (entry,) = world.call("GET", "/ledger/entries").json["data"]

    assert entry["id"].startswith("led_")
    assert (entry["customer_id"], entry["reference"]) == (customer, payment["id"])
    assert entry["occurred_at"] == entry["recorded_at"]
    line = {"asset": "USD", "customer_id": None}
    assert entry["postings"] == [
        {"account": "gateway_clearing", **line, "debit": 2900, "credit": 0},
        {"account": "revenue", **line, "debit": 0, "credit": 2900},
    ]


def test_pages_have_no_gaps_and_no_repeats(world: World) -> None:
    customer = world.customer()
    paid = [world.pay(customer)["id"] for _ in range(3)]

    first = world.call("GET", "/ledger/entries?limit=2").json
    second = world.call("GET", f"/ledger/entries?limit=2&cursor={first['next_cursor']}").json

    assert [entry["reference"] for entry in first["data"] + second["data"]] == paid[::-1]
    assert (first["has_more"], second["has_more"]) == (True, False)


def test_entries_as_csv_have_a_line_for_each_posting(world: World) -> None:
    made = refunded(world, world.customer())

    answer = world.call("GET", "/ledger/entries?kind=refund_paid", headers=CSV)

    lines = list(csv.DictReader(io.StringIO(answer.text)))
    assert [(line["reference"], line["account"], line["debit"], line["credit"]) for line in lines] == [
        (made["refund"], "refunds", "900", "0"),
        (made["refund"], "gateway_clearing", "0", "900"),
    ]


def test_what_is_no_filter_is_refused(world: World) -> None:
    for query in ("account=purse", "kind=luck", "asset=gold", "as_of=2026-01-01T00:00:00Z", "from=soon"):
        require_problem(world.call("GET", f"/ledger/entries?{query}"), status=422, code="invalid_request")
    require_problem(world.call("GET", "/ledger/entries?customer_id=cus_x"), status=404, code="customer_not_found")
    require_problem(world.call("GET", "/ledger/accounts", role=Role.SERVICE), status=403, code="scope_missing")
