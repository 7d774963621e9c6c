"""Purchases: money becomes credits once, and what is taken back of the one is taken back of the other."""

import contextlib
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from billing.clock import utc_now
from billing.credits.answers import CreditOrder
from billing.credits.checks import CHECKS
from billing.credits.deduct import deduct
from billing.credits.expire import expire_due
from billing.credits.follow_payment import follow_payment
from billing.credits.prefixes import PURCHASE_PREFIX
from billing.credits.rebuild import rebuild_if_lost
from billing.fail_points import FailPointRaised
from billing.ledger.checks import CHECKS as LEDGER_CHECKS
from billing.ledger.verify import verify
from billing.operation_runner import run_due_operations
from models.ids import row_id
from models.operation import Operation
from models.outbox import OutboxDelivery
from tests.integration.credits.orders import NOW, drain, kept
from tests.service.world import World


def buy(
    world: World, customer: str, amount: int = 1_000, *, card: str = "pm_card_visa", **fields: object
) -> dict[str, Any]:
    """Buy credits, let the workers do it, and return the purchase as it then is."""
    body = {"customer_id": customer, "amount": amount, "payment_method": card, **fields}
    accepted = world.call("POST", "/credits/purchase", body)
    assert accepted.status_code == 202, accepted.text
    world.work()
    return purchase(world, str(accepted.json["id"]))


def purchase(world: World, purchase_id: str) -> dict[str, Any]:
    """Return the purchase through the API."""
    answer = world.call("GET", f"/credits/purchases/{purchase_id}")
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json
    return found


def refund(world: World, bought: dict[str, Any], amount: int) -> None:
    """Refund a part of a purchase's price, and let its credits follow."""
    answer = world.call("POST", "/payments/refund", {"payment_id": bought["payment_id"], "amount": amount})
    assert answer.status_code == 202, answer.text
    world.work()


def use(world: World, customer: str, amount: int) -> dict[str, Any]:
    """Deduct credits."""
    answer = world.call("POST", "/credits/deduct", {"customer_id": customer, "amount": amount, "operation": "ai"})
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json
    return found


def money(world: World) -> dict[str, int]:
    """Return what the accounts of money hold in USD, in minor units, each on the side on which it grows."""
    drain(world)
    require_books_whole(world)
    rows = world.call("GET", "/ledger/accounts").json["data"]
    return {row["account"]: row["balance"] for row in rows if row["asset"] == "USD" and row["balance"]}


def require_books_whole(world: World) -> None:
    for checks in (LEDGER_CHECKS, CHECKS):
        with world.session() as session:
            assert [verdict for verdict in verify(session, checks=checks) if verdict.violations] == []


def test_credits_are_there_when_the_operation_has_ended(opened: World) -> None:
    customer = opened.customer()

    bought = buy(opened, customer, 1_050)

    assert (bought["status"], bought["amount"], bought["price"], bought["currency"]) == (
        "completed",
        1_050,
        1_050,
        "USD",
    )
    assert (bought["credited"], bought["payment"]["status"], bought["payment"]["purpose"]) == (
        1_050,
        "succeeded",
        "credits",
    )
    assert opened.balance(customer) == 1_050
    operation = opened.rows("SELECT * FROM operations WHERE kind = 'credits.purchase'")[0]
    assert (operation["outcome_status"], operation["outcome_body"]["status"]) == (201, "completed")
    assert operation["resource_id"] == bought["id"]
    (grant,) = opened.call("GET", f"/credits/balance?customer_id={customer}").json["grants"]
    assert (grant["id"], grant["kind"], grant["remaining"]) == (bought["grant_id"], "purchase", 1_050)
    assert money(opened) == {"gateway_clearing": 1_050, "deferred_revenue": 1_050}


def test_use_earns_what_it_was_paid_for(opened: World) -> None:
    customer = opened.customer()
    bought = buy(opened, customer, 1_000)

    used = use(opened, customer, 250)

    assert money(opened) == {"gateway_clearing": 1_000, "deferred_revenue": 750, "revenue": 250}
    entry = opened.call("GET", f"/ledger/entries?reference={used['id']}").json["data"][0]
    assert {(line["account"], line["asset"]) for line in entry["postings"]} == {
        ("customer_credits", "credits"), ("credits_spent", "credits"), ("deferred_revenue", "USD"), ("revenue", "USD"),
    }  # fmt: skip
    newest = opened.call("GET", f"/credits/history?customer_id={customer}").json["data"][0]
    assert newest["paid_by"] == {bought["grant_id"]: 250}


def test_single_uses_round_and_all_of_them_together_do_not(opened: World) -> None:
    customer = opened.customer()
    with World.open(opened.servers, CREDIT_PRICES="EUR:0.333") as priced:
        priced.open_credits()
        bought = buy(priced, customer, 1_001, currency="EUR")
        assert bought["price"] == 333
        for amount in (1, 1, 1, 500, 498):
            use(priced, customer, amount)
        drain(priced)
        rows = priced.call("GET", "/ledger/accounts").json["data"]
    euros = {row["account"]: row["balance"] for row in rows if row["asset"] == "EUR" and row["balance"]}
    assert euros == {"gateway_clearing": 333, "revenue": 333}


def test_a_decline_is_told_and_gives_nothing_until_another_card_pays(opened: World) -> None:
    customer = opened.customer()

    declined = buy(opened, customer, card="pm_card_chargeDeclinedInsufficientFunds")
    assert (declined["status"], declined["credited"], opened.balance(customer)) == ("requires_payment_method", 0, 0)
    operation = opened.rows("SELECT * FROM operations WHERE kind = 'credits.purchase'")[0]
    assert (operation["outcome_status"], operation["outcome_body"]["code"]) == (402, "payment_declined")

    paid = {"payment_id": declined["payment_id"], "payment_method": "pm_card_visa"}
    assert opened.call("POST", "/payments/confirm", paid).status_code == 202
    opened.work()
    assert purchase(opened, declined["id"])["status"] == "completed"
    assert opened.balance(customer) == 1_000


def test_authentication_ends_the_purchase(opened: World) -> None:
    customer = opened.customer()
    waiting = buy(opened, customer, card="pm_card_authenticationRequired")
    assert (waiting["status"], opened.balance(customer)) == ("requires_action", 0)
    assert waiting["payment"]["next_action"] is not None

    opened.authenticate(waiting["payment"]["gateway_id"])
    opened.deliver(*opened.events_about(waiting["payment"]["gateway_id"], "payment_intent.succeeded"))
    opened.work()

    assert purchase(opened, waiting["id"])["status"] == "completed"
    assert opened.balance(customer) == 1_000


def test_a_refund_takes_back_its_part_and_what_is_spent_becomes_a_debt(opened: World) -> None:
    customer = opened.customer()
    bought = buy(opened, customer, 1_000)
    use(opened, customer, 400)

    refund(opened, bought, 333)
    assert opened.balance(customer) == 267
    assert purchase(opened, bought["id"])["taken_back"] == {"refunded": 333, "disputed": 0}
    # Refunds are 333, of which 333 were not earned yet.
    assert money(opened) == {"gateway_clearing": 667, "deferred_revenue": 267, "revenue": 400}

    refund(opened, bought, 667)
    account = opened.call("GET", f"/credits/balance?customer_id={customer}").json
    assert (account["balance"], account["debt"]) == (0, 400)
    assert money(opened) == {"revenue": 400, "refunds": 400}
    assert purchase(opened, bought["id"])["credited"] == 0

    buy(opened, customer, 500)  # pays the debt first: what was used is earned now
    assert opened.balance(customer) == 100
    assert money(opened) == {"gateway_clearing": 500, "deferred_revenue": 100, "revenue": 800, "refunds": 400}


def test_what_was_used_before_it_was_bought_is_earned_when_it_is_bought(opened: World) -> None:
    customer = opened.customer()
    used = CreditOrder(row_id("cus", customer), 300, "ai", {}, "key_test", kept())
    deduct(opened.runtime, used, now=NOW, owing=True)
    assert money(opened) == {}

    buy(opened, customer, 1_000)

    assert opened.balance(customer) == 700
    assert money(opened) == {"gateway_clearing": 1_000, "deferred_revenue": 700, "revenue": 300}


def test_a_dispute_takes_back_and_gives_again_when_it_is_won(opened: World) -> None:
    customer = opened.customer()
    bought = buy(opened, customer, 1_000)
    use(opened, customer, 100)

    dispute = opened.dispute(opened.payment(bought["payment_id"]))
    account = opened.call("GET", f"/credits/balance?customer_id={customer}").json
    assert (account["balance"], account["debt"]) == (0, 100)
    assert money(opened) == {"revenue": 100, "disputes": 100}

    opened.decide(dispute, outcome="won")
    opened.deliver(*opened.events_about(dispute["gateway_id"], "charge.dispute.closed"))
    opened.work()
    account = opened.call("GET", f"/credits/balance?customer_id={customer}").json
    assert (account["balance"], account["debt"]) == (900, 0)
    assert money(opened) == {"gateway_clearing": 1_000, "deferred_revenue": 900, "revenue": 100}
    use(opened, customer, 900)
    assert money(opened) == {"gateway_clearing": 1_000, "revenue": 1_000}


def test_credits_that_were_sent_on_are_earned_when_their_receiver_uses_them(opened: World) -> None:
    payer, friend, other = opened.customer(), opened.customer(), opened.customer()
    buy(opened, payer, 1_000)
    for sender, receiver, amount in ((payer, friend, 600), (friend, other, 250)):
        sent = {"from_customer_id": sender, "to_customer_id": receiver, "amount": amount}
        assert opened.call("POST", "/credits/transfer", sent).status_code == 200

    use(opened, other, 250)
    assert money(opened) == {"gateway_clearing": 1_000, "deferred_revenue": 750, "revenue": 250}
    owners = opened.rows("SELECT DISTINCT customer_id FROM ledger_postings WHERE account = 'deferred_revenue'")
    assert owners == [{"customer_id": row_id("cus", payer)}]

    opened.runtime.credits.redis.flushall()
    rebuild_if_lost(opened.runtime, now=lambda: NOW)
    use(opened, friend, 350)
    use(opened, payer, 400)
    assert money(opened) == {"gateway_clearing": 1_000, "revenue": 1_000}


@pytest.mark.parametrize(
    "point",
    [
        "credits.purchase_step_committed",
        "credits.purchase_step_made",
        "credits.purchase_before_commit",
        "operation.alone_before_commit",
        "operation.alone_after_commit",
        "outbox.told",
    ],
)
def test_who_is_cut_off_gives_the_credits_once(opened: World, fails_at: Callable[[str], None], point: str) -> None:
    customer = opened.customer()
    fails_at(point)

    body = {"customer_id": customer, "amount": 1_000, "payment_method": "pm_card_visa"}
    accepted = opened.call("POST", "/credits/purchase", body)
    for _ in range(3):
        with contextlib.suppress(FailPointRaised):
            opened.work()
        for table in (Operation, OutboxDelivery):
            opened.make_due(table)

    assert purchase(opened, accepted.json["id"])["status"] == "completed"
    assert opened.balance(customer) == 1_000
    assert len(opened.all_charges()) == 1
    assert money(opened) == {"gateway_clearing": 1_000, "deferred_revenue": 1_000}


def test_a_step_that_the_server_lost_is_made_again(opened: World, fails_at: Callable[[str], None]) -> None:
    customer = opened.customer()
    fails_at("credits.purchase_step_made")
    body = {"customer_id": customer, "amount": 1_000, "payment_method": "pm_card_visa"}
    accepted = opened.call("POST", "/credits/purchase", body)
    run_due_operations(opened.runtime, now=utc_now)
    assert opened.balance(customer) == 1_000
    opened.runtime.credits.redis.flushall()  # with its journal, which nobody has drained
    rebuild_if_lost(opened.runtime, now=lambda: NOW)
    assert opened.balance(customer) == 0

    follow_payment(opened.runtime, purchase_id=row_id(PURCHASE_PREFIX, accepted.json["id"]), now=NOW)

    assert opened.balance(customer) == 1_000


def test_a_step_is_known_again_when_the_server_has_forgotten_its_key(
    opened: World, fails_at: Callable[[str], None]
) -> None:
    customer = opened.customer()
    fails_at("credits.purchase_step_made")
    body = {"customer_id": customer, "amount": 1_000, "payment_method": "pm_card_visa"}
    accepted = opened.call("POST", "/credits/purchase", body)
    run_due_operations(opened.runtime, now=utc_now)
    server = opened.runtime.credits.redis
    answers = list(server.scan_iter(match="credits:*:answer:*"))
    assert server.delete(*answers) == len(answers) > 0

    follow_payment(opened.runtime, purchase_id=row_id(PURCHASE_PREFIX, accepted.json["id"]), now=NOW)

    assert opened.balance(customer) == 1_000
    assert purchase(opened, accepted.json["id"])["status"] == "completed"


def test_what_cannot_be_bought_is_refused_before_any_charge(opened: World) -> None:
    customer = opened.customer_with_credits(999_000)
    drain(opened)

    def ask(**fields: object) -> tuple[int, str]:
        body = {"customer_id": customer, "amount": 500, "payment_method": "pm_card_visa", **fields}
        answer = opened.call("POST", "/credits/purchase", body)
        return answer.status_code, answer.json.get("code", "")

    assert ask(amount=499) == (422, "credit_purchase_too_small")
    assert ask(currency="EUR") == (422, "currency_not_priced")
    assert ask(amount=1_001) == (409, "credit_limit_exceeded")
    assert ask(amount=600) == (202, "")
    assert ask(amount=600) == (409, "credit_limit_exceeded")  # the first has not been paid yet, and counts
    assert ask(amount=0)[0] == ask(amount=-5)[0] == 422
    assert opened.call("GET", "/credits/purchases/cpur_nothing").status_code == 404
    assert opened.all_charges() == []


def test_what_expires_unused_is_breakage(opened: World) -> None:
    customer = opened.customer()
    with World.open(opened.servers, PURCHASED_CREDITS_VALID_DAYS=30) as lasting:
        lasting.open_credits()
        buy(lasting, customer, 1_000)
        use(lasting, customer, 300)

        expire_due(lasting.runtime, now=lambda: utc_now() + timedelta(days=29))
        assert lasting.balance(customer) == 700
        expire_due(lasting.runtime, now=lambda: utc_now() + timedelta(days=31))
        assert lasting.balance(customer) == 0
        assert money(lasting) == {"gateway_clearing": 1_000, "revenue": 300, "breakage_revenue": 700}
