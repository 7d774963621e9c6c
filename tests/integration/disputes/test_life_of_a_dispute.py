"""A dispute from the bank's letter to its verdict."""

from tests.integration.app.documented import require_documented
from tests.integration.disputes.stories import LOSING, WINNING, answer, facts, hear, refund, shown
from tests.service.world import World


def test_it_takes_the_money_back_and_waits_for_a_response(world: World) -> None:
    customer = world.customer()
    payment = world.pay(customer)

    dispute = world.dispute(payment)

    assert dispute["id"].startswith("dp_")
    assert (dispute["status"], dispute["amount"], dispute["currency"]) == ("needs_response", 2900, "USD")
    assert (dispute["reason"], dispute["customer_id"], dispute["payment_id"]) == ("fraudulent", customer, payment["id"])
    assert dispute["evidence_due_at"] > dispute["opened_at"]
    after = world.payment(payment["id"])
    assert (after["status"], after["amount_disputed"]) == ("succeeded", 2900)
    assert [(each["id"], each["status"]) for each in after["disputes"]] == [(dispute["id"], "needs_response")]
    assert facts(world) == ["dispute.created"]


def test_evidence_is_gathered_handed_in_and_wins(world: World) -> None:
    payment = world.pay(world.customer())
    dispute = world.dispute(payment)

    gathered = answer(world, dispute, product_description="A year of Pro", customer_name="Ada Lovelace")
    assert gathered.status_code == 202
    assert gathered.headers["Location"] == f"/operations/{gathered.json['operation']['id']}"
    world.work()
    assert world.operation(gathered.json)["status"] == "succeeded"
    waiting = shown(world, dispute)
    assert (waiting["status"], waiting["evidence_submissions"]) == ("needs_response", 0)
    assert waiting["evidence_provided"] == ["customer_name", "product_description"]

    answer(world, dispute, uncategorized_text=WINNING, submit=True)
    world.work()
    hear(world, dispute)

    won = shown(world, dispute)
    assert (won["status"], won["evidence_submissions"]) == ("won", 1)
    assert won["closed_at"] is not None
    assert facts(world) == ["dispute.created", "dispute.updated", "dispute.won"]
    after = world.payment(payment["id"])
    assert (after["amount_disputed"], after["disputes"][0]["status"]) == (0, "won")


def test_what_was_gathered_is_handed_in_without_a_further_word(world: World) -> None:
    dispute = world.dispute(world.pay(world.customer()))
    answer(world, dispute, refund_refusal_explanation="It was used for eleven months.")
    world.work()

    assert answer(world, dispute, submit=True).status_code == 202
    world.work()

    assert shown(world, dispute)["status"] == "under_review"


def test_a_lost_dispute_keeps_the_money(world: World) -> None:
    payment = world.pay(world.customer())
    dispute = world.dispute(payment)
    answer(world, dispute, uncategorized_text=LOSING, submit=True)
    world.work()

    assert shown(world, dispute)["status"] == "lost"
    assert world.payment(payment["id"])["amount_disputed"] == 2900
    assert facts(world) == ["dispute.created", "dispute.lost"]
    assert refund(world, payment, amount=1).json["code"] == "refund_too_large"


def test_a_dispute_that_nobody_answers_is_decided_by_the_bank(world: World) -> None:
    payment = world.pay(world.customer())
    dispute = world.dispute(payment)
    world.decide(dispute, outcome="lost")

    hear(world, dispute)

    assert shown(world, dispute)["status"] == "lost"


def test_lists_are_filtered_and_turned_page_by_page(world: World) -> None:
    ada, bob = world.customer(), world.customer()
    of_ada = [world.dispute(world.pay(ada)) for _ in range(2)]
    of_bob = world.dispute(world.pay(bob))
    world.decide(of_bob, outcome="lost")
    hear(world, of_bob)

    def listed(query: str) -> list[str]:
        return [each["id"] for each in world.call("GET", f"/disputes?{query}").json["data"]]

    newest_first = [of_ada[1]["id"], of_ada[0]["id"]]
    assert listed(f"customer_id={ada}") == newest_first
    assert listed("status=lost") == [of_bob["id"]]
    assert listed("status=needs_response") == newest_first
    assert listed(f"payment_id={of_ada[0]['payment_id']}") == [of_ada[0]["id"]]
    assert listed(f"payment_id={of_ada[0]['payment_id']}&customer_id={bob}") == []
    page = world.call("GET", f"/disputes?customer_id={ada}&limit=1").json
    assert page["has_more"]
    assert listed(f"customer_id={ada}&limit=1&cursor={page['next_cursor']}") == [of_ada[0]["id"]]
    assert world.call("GET", "/disputes?status=unknown").status_code == 422
    assert world.call("GET", "/disputes?payment_id=pay_none").json["code"] == "payment_not_found"


def test_the_answers_are_those_that_are_documented(world: World) -> None:
    document = world.app.test_client().get("/openapi.json").json
    payment = world.pay(world.customer())
    dispute = world.dispute(payment)
    path = f"/disputes/{dispute['id']}"

    for method, asked, body in (
        ("GET", "/disputes", None),
        ("GET", path, None),
        ("GET", "/disputes/dp_none", None),
        ("GET", f"/payments/{payment['id']}", None),
        ("POST", f"{path}/evidence", {"customer_purchase_ip": "not an address"}),
        ("POST", f"{path}/evidence", {"customer_purchase_ip": "203.0.113.7"}),
        ("POST", f"{path}/evidence", {"uncategorized_text": "while another one is under way"}),
    ):
        require_documented(world, document, method, asked, world.call(method, asked, body))
