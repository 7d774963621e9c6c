"""Credit notes: never more than is left, parts that sum to the whole, and money that goes one way only."""

import random
from datetime import UTC, datetime
from typing import Any

import pytest

from billing.actor import WORKER
from billing.clock import utc_now
from billing.dunning.run_due import run_due
from billing.invoicing.follow_payment import follow_payment
from billing.invoicing.prefixes import INVOICE_PREFIX
from billing.test_clocks.representation import PREFIX as CLOCK_PREFIX
from models.api_key import Role
from models.ids import row_id
from tests.concurrency.crowd import at_once
from tests.integration.app.asking import faults, require_problem
from tests.integration.invoices.by_hand import balance, credit, draft, finalized, look, sent, uses
from tests.integration.subscriptions.stories import Story
from tests.service.world import World


def pay_invoice(story: Story, invoice: dict[str, Any]) -> None:
    answer = story.world.call("POST", f"/invoices/{invoice['id']}/pay", {"payment_method": "pm_card_visa"})
    assert answer.status_code == 202, answer.text
    story.world.work()


def test_a_part_of_a_paid_invoice_becomes_the_customers_balance_and_pays_of_the_next_one(story: Story) -> None:
    story.subscribe("pro", trial_days=0)
    note = credit(story, story.invoices()[0], amount=1200, reason="a bad day")

    assert (note["subtotal_amount"], note["tax_amount"], uses(note)) == (1000, 200, (0, 1200, 0))
    assert note["lines"][0]["formula"] == "12.00/34.80 × 29.00"
    assert balance(story) == 1200
    story.advance("2026-03-01T00:00:00")
    following = story.invoices()[1]
    assert (following["balance_amount"], following["amount_due"], following["status"]) == (1200, 2280, "paid")
    assert story.books() == {"gateway_clearing": 3480 + 2280, "revenue": -4800, "tax_payable": -960}


def test_a_credit_note_has_a_number_of_its_own_without_gaps_and_the_invoice_names_it(story: Story) -> None:
    invoice = sent(story, 10_000)
    for _ in range(3):
        refused = story.world.call("POST", f"/invoices/{invoice['id']}/credit-notes", {"amount": 12_001})
        assert refused.status_code == 422
        credit(story, invoice, amount=100)

    numbers = [note["number"] for note in look(story, invoice)["credit_notes"]]
    assert numbers == ["TEST-CN-2026-000001", "TEST-CN-2026-000002", "TEST-CN-2026-000003"]
    listed = story.world.call("GET", f"/credit-notes?invoice_id={invoice['id']}").json["data"]
    assert [note["number"] for note in reversed(listed)] == numbers


def test_credit_notes_of_real_customers_have_the_installations_series(world: World) -> None:
    customer = world.customer()
    invoice = world.call("POST", "/invoices", {"customer_id": customer, "collection": "send_invoice"}).json
    world.call("POST", f"/invoices/{invoice['id']}/lines", {"description": "Work", "amount": 100})
    number = world.call("POST", f"/invoices/{invoice['id']}/finalize", {}).json["number"]
    note = world.call("POST", f"/invoices/{invoice['id']}/credit-notes", {"amount": 1}).json

    assert number.startswith("INV-2")
    assert note["number"] == number.replace("INV-", "INV-CN-")


def test_random_notes_that_exhaust_an_invoice_give_back_its_net_its_tax_and_its_total(story: Story) -> None:
    dice = random.Random(7)
    invoice = finalized(story, {"amount": 3333}, {"amount": 777, "quantity": 3}, {"amount": -1000}, {"amount": 1})
    notes = []
    while left := invoice["total_amount"] - invoice["amount_credited"]:
        note = credit(
            story, invoice, amount=min(left, dice.randint(1, 1500)), give_back=dice.choice(("credit", "refund"))
        )
        assert abs(note["tax_amount"] - invoice["tax_amount"] * note["total_amount"] / invoice["total_amount"]) <= 1
        notes.append(note)
        invoice = look(story, invoice)

    assert len(notes) > 3
    for field in ("subtotal_amount", "tax_amount", "total_amount"):
        assert sum(note[field] for note in notes) == invoice[field]
    for line in invoice["lines"]:
        parts = [part["amount"] for note in notes for part in note["lines"] if part["line_id"] == line["id"]]
        assert sum(parts) == line["amount"]
    assert set(story.books()) == {"gateway_clearing", "customer_balance"}
    assert story.books()["gateway_clearing"] == -story.books()["customer_balance"] == balance(story)


def test_a_refund_goes_back_to_the_payment_and_whoever_waits_gets_the_credit_note(story: Story) -> None:
    invoice = finalized(story, {"amount": 5000}, {"amount": 2500})
    wish = {"lines": [{"line_id": invoice["lines"][1]["id"], "amount": 2500}], "give_back": "refund"}
    accepted = story.world.call("POST", f"/invoices/{invoice['id']}/credit-notes", wish)
    assert (accepted.status_code, accepted.json["refund"]["status"]) == (202, "pending")
    story.world.work()

    operation = story.world.operation(accepted.json)
    assert (operation["kind"], operation["status"]) == ("credit_note.refund", "succeeded")
    assert operation["resource"] == {"type": "credit_note", "id": accepted.json["id"]}
    note = story.world.call("GET", f"/credit-notes/{accepted.json['id']}").json
    assert (uses(note), note["refund"]["status"], note["tax_amount"]) == ((0, 0, 3000), "succeeded", 500)
    payment = story.world.payment(invoice["payments"][0]["id"])
    assert [refund["amount"] for refund in payment["refunds"]] == [3000]
    assert story.books() == {"gateway_clearing": 6000, "revenue": -5000, "tax_payable": -1000}


def test_what_was_paid_from_the_balance_goes_back_there_even_where_a_refund_is_asked_for(story: Story) -> None:
    credit(story, finalized(story, {"amount": 1000}), amount=1200)
    invoice = finalized(story, {"amount": 5000})
    assert (invoice["balance_amount"], invoice["amount_paid"]) == (1200, 4800)

    note = credit(story, invoice, amount=6000, give_back="refund")

    assert uses(note) == (0, 1200, 4800)
    assert balance(story) == 1200


def test_a_refund_that_fails_later_leaves_its_money_in_the_balance_once(story: Story) -> None:
    story.use_card("pm_card_refundFail")
    invoice = finalized(story, {"amount": 1000})
    note = credit(story, invoice, amount=1200, give_back="refund")
    assert uses(note) == (0, 0, 1200)

    world = story.world
    world.until(lambda: world.events("refund.failed"), what="the gateway's refund.failed")
    world.deliver(*world.events("refund.failed"))
    world.work()
    with world.session() as session:  # told again
        follow_payment(session, invoice_id=row_id(INVOICE_PREFIX, invoice["id"]), actor=WORKER, now=utc_now())

    note = world.call("GET", f"/credit-notes/{note['id']}").json
    assert (uses(note), note["refund"]["status"]) == ((0, 1200, 0), "failed")
    assert balance(story) == 1200
    assert world.count("outbox_events WHERE type = 'credit_note.refund_failed'") == 1
    assert story.books() == {"gateway_clearing": 1200, "customer_balance": -1200}


def test_an_open_invoice_is_owed_less_first_and_is_paid_when_nothing_is_left(story: Story) -> None:
    invoice = sent(story, 10_000)

    assert uses(credit(story, invoice, amount=2000)) == (2000, 0, 0)
    now = look(story, invoice)
    assert (now["status"], now["amount_remaining"], now["amount_credited"]) == ("open", 10_000, 2000)
    assert uses(credit(story, invoice, amount=10_000)) == (10_000, 0, 0)
    now = look(story, invoice)
    assert (now["status"], now["amount_remaining"], now["amount_paid"]) == ("paid", 0, 0)
    assert story.books() == {}
    assert story.world.count("outbox_events WHERE type = 'invoice.paid'") == 1


def test_what_is_credited_of_an_open_invoice_is_not_charged_any_more(story: Story) -> None:
    invoice = sent(story, 10_000)
    credit(story, invoice, amount=2000)

    story.world.call("POST", f"/invoices/{invoice['id']}/pay", {})
    story.world.work()

    now = look(story, invoice)
    assert (now["status"], now["amount_paid"], [each["amount"] for each in now["payments"]]) == (
        "paid",
        10_000,
        [10_000],
    )


def test_a_payment_of_more_than_is_left_is_given_up_and_the_next_attempt_is_of_the_rest(story: Story) -> None:
    story.use_card("pm_card_chargeCustomerFail")
    invoice = finalized(story, {"amount": 10_000})
    assert [each["status"] for each in invoice["payments"]] == ["requires_payment_method"]

    written = story.world.call("POST", f"/invoices/{invoice['id']}/credit-notes", {"amount": 2000})
    assert written.status_code == 201, written.text
    refused = story.world.call("POST", f"/invoices/{invoice['id']}/pay", {"payment_method": "pm_card_visa"})
    require_problem(refused, status=409, code="invoice_payment_being_given_up")
    story.world.work()
    pay_invoice(story, invoice)

    now = look(story, invoice)
    assert [(each["status"], each["amount"]) for each in now["payments"]] == [
        ("canceled", 12_000),
        ("succeeded", 10_000),
    ]
    assert (now["status"], now["amount_paid"]) == ("paid", 10_000)
    assert [charge["amount"] for charge in story.world.all_charges()] == [10_000]


def test_a_retry_that_falls_into_the_cancellation_of_a_larger_payment_comes_a_moment_later(story: Story) -> None:
    story.use_card("pm_card_chargeCustomerFail")
    invoice = finalized(story, {"amount": 10_000})
    story.use_card("pm_card_visa")  # tried at once, once the clock moves
    written = story.world.call("POST", f"/invoices/{invoice['id']}/credit-notes", {"amount": 2000})
    assert written.status_code == 201, written.text
    at, clock_id = datetime(2026, 2, 1, 11, tzinfo=UTC), row_id(CLOCK_PREFIX, story.clock)

    assert run_due(story.world.runtime, at=at, now=utc_now(), clock_id=clock_id) == 1
    (case,) = story.cases()
    assert (case["next_step"], case["next_step_at"]) == ("retry", "2026-02-01T11:01:00.000Z")
    story.advance("2026-02-02T00:00:00")

    now = look(story, invoice)
    assert (now["status"], now["amount_paid"]) == ("paid", 10_000)
    assert [case["status"] for case in story.cases()] == ["recovered"]


def test_an_invoice_that_is_being_paid_takes_no_note_until_that_is_known(story: Story) -> None:
    made = draft(story, {"amount": 10_000})
    assert story.world.call("POST", f"/invoices/{made['id']}/finalize", {}).status_code == 202

    refused = story.world.call("POST", f"/invoices/{made['id']}/credit-notes", {"amount": 2000})
    require_problem(refused, status=409, code="invoice_payment_under_way")
    story.world.work()

    assert uses(credit(story, made, amount=2000)) == (0, 2000, 0)


def test_a_payment_that_was_faster_than_its_cancellation_leaves_the_rest_in_the_balance(story: Story) -> None:
    story.use_card("pm_card_chargeCustomerFail")
    invoice = finalized(story, {"amount": 10_000})
    payment = story.world.payment(invoice["payments"][0]["id"])
    written = story.world.call("POST", f"/invoices/{invoice['id']}/credit-notes", {"amount": 2000})
    assert written.status_code == 201, written.text
    story.world.gateway_post(f"payment_intents/{payment['gateway_id']}/confirm", payment_method="pm_card_visa")
    story.world.work()
    story.world.deliver(*story.world.events_about(payment["gateway_id"], "payment_intent.succeeded"))
    story.world.work()

    now = look(story, invoice)
    assert (now["status"], now["amount_paid"], balance(story)) == ("paid", 10_000, 2000)
    assert story.books() == {
        "gateway_clearing": 12_000, "customer_balance": -2000, "revenue": -8333, "tax_payable": -1667
    }  # fmt: skip


def test_a_renewal_that_is_credited_in_full_ends_its_dunning_and_the_subscription_goes_on(story: Story) -> None:
    subscription = story.subscribe("pro", trial_days=0)
    story.use_card("pm_card_chargeCustomerFail")
    story.advance("2026-03-01T00:00:00")
    assert story.subscription(subscription["id"])["status"] == "past_due"

    credit(story, story.invoices()[1], amount=3480)

    assert story.subscription(subscription["id"])["status"] == "active"
    (case,) = story.cases()
    assert (case["status"], case["reason"]) == ("closed", "a credit note took back what was open")


def test_what_is_credited_of_an_invoice_that_was_given_up_is_no_loss_any_more(story: Story) -> None:
    invoice = sent(story, 10_000)
    assert story.world.call("POST", f"/invoices/{invoice['id']}/mark-uncollectible", {}).status_code == 200
    assert story.books()["bad_debt"] == 12_000

    credit(story, invoice, amount=6000)
    assert (look(story, invoice)["status"], story.books()["bad_debt"]) == ("uncollectible", 6000)
    credit(story, invoice, amount=6000)
    assert (look(story, invoice)["status"], story.books()) == ("paid", {})


def test_an_invoice_that_was_credited_in_part_is_voided_for_the_rest(story: Story) -> None:
    credit(story, finalized(story, {"amount": 1000}), amount=1200)
    invoice = sent(story, 10_000)
    credit(story, invoice, amount=3000)

    assert story.world.call("POST", f"/invoices/{invoice['id']}/void", {}).status_code == 200

    assert balance(story) == 1200
    assert story.books() == {"gateway_clearing": 1200, "customer_balance": -1200}


def test_money_that_went_back_by_a_refund_of_its_own_is_not_given_a_second_time(story: Story) -> None:
    invoice = finalized(story, {"amount": 10_000})
    story.world.call("POST", "/payments/refund", {"payment_id": invoice["payments"][0]["id"], "amount": 9000})
    story.world.work()

    refused = story.world.call("POST", f"/invoices/{invoice['id']}/credit-notes", {"amount": 3001})
    problem = require_problem(refused, status=422, code="credit_note_too_large")
    assert faults(problem) == {("/amount", "too_large")}
    assert uses(credit(story, invoice, amount=3000)) == (0, 3000, 0)


def test_never_more_than_is_left_of_the_invoice_of_a_line_or_of_all_lines(story: Story) -> None:
    invoice = finalized(story, {"amount": 10_000}, {"amount": -4000})
    charge, rebate = (line["id"] for line in invoice["lines"])
    path = f"/invoices/{invoice['id']}/credit-notes"

    def refused(**wish: object) -> set[tuple[str, str]]:
        answer = story.world.call("POST", path, wish)
        assert answer.status_code == 422, answer.text
        return faults(answer.json)

    assert refused(amount=7201) == {("/amount", "too_large")}
    assert refused(lines=[{"line_id": charge, "amount": 10_001}]) == {("/lines/0/amount", "too_large")}
    assert refused(lines=[{"line_id": charge, "amount": 6001}]) == {("/lines", "too_large")}
    assert refused(lines=[{"line_id": rebate, "amount": 1}]) == {("/lines/0/amount", "too_large")}
    assert refused(lines=[{"line_id": "line_1", "amount": 1}]) == {("/lines/0/line_id", "not_creditable")}
    assert refused(lines=[{"line_id": charge, "amount": 1}] * 2) == {("/lines/1/line_id", "not_creditable")}
    assert refused() == refused(amount=1, lines=[{"line_id": charge, "amount": 1}]) == {("/amount", "amount_or_lines")}
    assert story.world.count("credit_notes") == 0


@pytest.mark.parametrize("end", ["draft", "void", "credits"])
def test_what_takes_no_credit_note_says_what_to_do_instead(story: Story, end: str) -> None:
    if end == "credits":
        wish = {"customer_id": story.customer, "amount": 500, "payment_method": "pm_card_visa"}
        story.world.call("POST", "/credits/purchase", wish)
        story.world.work()
        (invoice,) = story.invoices()
    elif end == "void":
        invoice = sent(story, 100)
        story.world.call("POST", f"/invoices/{invoice['id']}/void", {})
    else:
        invoice = draft(story, {"amount": 100})

    answer = story.world.call("POST", f"/invoices/{invoice['id']}/credit-notes", {"amount": 1})

    require_problem(answer, status=409, code="invoice_not_creditable")


def test_the_same_request_under_the_same_key_is_one_note(story: Story) -> None:
    invoice = sent(story, 10_000)
    answers = [
        story.world.call(
            "POST", f"/invoices/{invoice['id']}/credit-notes", {"amount": 100}, headers={"Idempotency-Key": "once"}
        )
        for _ in range(2)
    ]

    assert answers[0].json == answers[1].json
    assert answers[1].headers["Idempotent-Replayed"] == "true"
    assert look(story, invoice)["amount_credited"] == 100


def test_eight_at_once_never_take_back_more_than_the_invoice(story: Story) -> None:
    invoice = finalized(story, {"amount": 10_000})
    path = f"/invoices/{invoice['id']}/credit-notes"
    story.world.key(Role.ADMIN)

    def ask(number: int) -> int:
        wish = {"amount": 4000, "give_back": "refund" if number % 2 else "credit"}
        return story.world.call("POST", path, wish, headers={"Idempotency-Key": f"at-once-{number}"}).status_code

    answers = at_once(8, ask)
    story.world.work()

    assert sum(status in {201, 202} for status in answers) == 3
    assert look(story, invoice)["amount_credited"] == 12_000
