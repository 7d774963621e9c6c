"""Evidence: until when it is taken, that it is handed in once, and that its texts are kept nowhere here."""

import json

from models.operation import Operation
from tests.integration.app.asking import TABLES, require_problem
from tests.integration.app.conftest import Lines
from tests.integration.disputes.stories import WINNING, answer, facts, hear, shown
from tests.service.world import World

WORDS = {
    "customer_name": "Ada Kunigunde",
    "customer_email_address": "ada.kunigunde@example.com",
    "customer_purchase_ip": "203.0.113.77",
    "billing_address": "Nebelgasse 7",
    "uncategorized_text": "Kunigunde has used it daily.",
}


def test_a_decided_dispute_takes_none(world: World) -> None:
    dispute = world.dispute(world.pay(world.customer()))
    world.decide(dispute, outcome="lost")
    hear(world, dispute)

    require_problem(answer(world, dispute, uncategorized_text="x"), status=409, code="dispute_closed")
    assert world.rows("SELECT id FROM operations WHERE kind = 'dispute.evidence'") == []


def test_after_the_due_date_none_is_taken(world: World) -> None:
    dispute = world.dispute(world.pay(world.customer()))
    with world.session() as session:
        session.connection().exec_driver_sql("UPDATE disputes SET evidence_due_at = now() - interval '1 second'")

    require_problem(answer(world, dispute, uncategorized_text="x"), status=409, code="evidence_overdue")


def test_a_dispute_decided_meanwhile_is_the_gateways_refusal(world: World) -> None:
    dispute = world.dispute(world.pay(world.customer()))
    accepted = answer(world, dispute, uncategorized_text="x", submit=True)
    world.decide(dispute, outcome="lost")

    world.work()

    assert world.operation(accepted.json)["error"]["code"] == "gateway_refused"
    hear(world, dispute)
    assert facts(world) == ["dispute.created", "dispute.lost"]


def test_nothing_to_add_nothing_to_hand_in_and_too_much(world: World) -> None:
    dispute = world.dispute(world.pay(world.customer()))
    explanations = [
        "access_activity_log",
        "cancellation_policy_disclosure",
        "cancellation_rebuttal",
        "duplicate_charge_explanation",
        "product_description",
        "refund_policy_disclosure",
        "refund_refusal_explanation",
        "uncategorized_text",
    ]

    empty: tuple[dict[str, object], ...] = ({}, {"submit": True}, {"uncategorized_text": None})
    for body in empty:
        require_problem(answer(world, dispute, **body), status=422, code="evidence_missing")
    too_long: dict[str, object] = dict.fromkeys(explanations, "x" * 20_000)
    require_problem(answer(world, dispute, **too_long), status=422, code="evidence_too_long")
    malformed: tuple[dict[str, object], ...] = (
        {"uncategorized_text": "x" * 20_001},
        {"customer_email_address": "nobody"},
        {"receipt": "file_1"},
    )
    for body in malformed:
        assert answer(world, dispute, **body).status_code == 422
    card = answer(world, dispute, uncategorized_text="paid with 4242 4242 4242 4242")
    require_problem(card, status=400, code="card_data_rejected")


def test_two_at_once_are_refused_and_a_repeated_request_is_one(world: World) -> None:
    dispute = world.dispute(world.pay(world.customer()))
    path, headers = f"/disputes/{dispute['id']}/evidence", {"Idempotency-Key": "answer-1"}
    first = world.call("POST", path, {"uncategorized_text": "x"}, headers=headers)
    again = world.call("POST", path, {"uncategorized_text": "x"}, headers=headers)

    assert again.headers["Idempotent-Replayed"] == "true"
    assert again.json["operation"] == first.json["operation"]
    require_problem(answer(world, dispute, uncategorized_text="y"), status=409, code="operation_in_progress")
    world.work()
    done = world.call("POST", path, {"uncategorized_text": "x"}, headers=headers)
    assert (done.status_code, done.json["evidence_provided"]) == (200, ["uncategorized_text"])


def test_an_answer_that_was_lost_does_not_hand_it_in_twice(world: World) -> None:
    dispute = world.dispute(world.pay(world.customer()))
    accepted = answer(world, dispute, uncategorized_text="x", submit=True)
    world.fault("lost_answer", path="/v1/disputes/*", times=2)  # the SDK asks a second time by itself
    world.work()
    assert world.operation(accepted.json)["status"] == "queued"

    world.make_due(Operation)
    world.work()

    assert world.operation(accepted.json)["status"] == "succeeded"
    after = shown(world, dispute)
    assert (after["status"], after["evidence_submissions"]) == ("under_review", 1)


def test_a_repeated_call_does_not_take_back_what_came_since(world: World) -> None:
    """Its answer is the one of the first time; the dispute is fetched again."""
    dispute = world.dispute(world.pay(world.customer()))
    answer(world, dispute, uncategorized_text="x", submit=True)
    world.fault("lost_answer", path="/v1/disputes/*", times=2)
    world.work()
    world.decide(dispute, outcome="won")
    hear(world, dispute)

    world.make_due(Operation)
    world.work()

    assert shown(world, dispute)["status"] == "won"
    assert facts(world)[-1] == "dispute.won"


def test_its_texts_are_at_the_gateway_and_in_no_row_or_log_line_here(world: World, log_lines: Lines) -> None:
    dispute = world.dispute(world.pay(world.customer()))
    accepted = answer(world, dispute, **WORDS)
    world.work()

    assert world.operation(accepted.json)["status"] == "succeeded"
    held = world.gateway(f"disputes/{dispute['gateway_id']}")["evidence"]
    assert {name: held[name] for name in WORDS} == WORDS
    rows = {table: world.rows(f"SELECT * FROM {table}") for table in TABLES}
    kept = json.dumps(rows, default=str) + json.dumps(log_lines())
    assert dispute["id"] in kept
    assert [text for text in WORDS.values() if text in kept] == []
    entry = world.rows("SELECT after FROM audit_entries WHERE action = 'dispute.evidence_requested'")[0]["after"]
    assert entry == {"evidence_fields": sorted(WORDS), "submit": False}


def test_a_refused_or_failed_request_leaves_no_text_either(world: World) -> None:
    dispute = world.dispute(world.pay(world.customer()))
    answer(world, dispute, **WORDS)
    world.decide(dispute, outcome="lost")
    world.work()

    assert world.rows("SELECT params FROM operations WHERE kind = 'dispute.evidence'") == [{"params": {}}]


def test_the_operation_names_the_dispute(world: World) -> None:
    dispute = world.dispute(world.pay(world.customer()))
    first = answer(world, dispute, uncategorized_text=WINNING, submit=True)
    world.work()

    assert world.operation(first.json)["resource"] == {"type": "dispute", "id": dispute["id"]}


def test_customers_have_no_say_in_it(world: World) -> None:
    customer = world.customer()
    payment = world.pay(customer)
    dispute = world.dispute(payment)
    token = world.call("POST", f"/customers/{customer}/tokens", {}).json["token"]

    for method, path in (("GET", "/disputes"), ("GET", f"/disputes/{dispute['id']}")):
        require_problem(world.call(method, path, key=token), status=403, code="scope_missing")
    refused = world.call("POST", f"/disputes/{dispute['id']}/evidence", {"uncategorized_text": "x"}, key=token)
    require_problem(refused, status=403, code="scope_missing")
    own = world.call("GET", f"/payments/{payment['id']}", key=token).json
    assert [each["status"] for each in own["disputes"]] == ["needs_response"]
    assert "evidence_provided" not in own["disputes"][0]
