"""Invoices by hand: a draft owes nothing; finalized it has its number, its tax, its place in the books, and is collected."""

from typing import Any

import pytest

from billing.clock import utc_now
from billing.dunning.run_due import run_due
from tests.concurrency.crowd import at_once
from tests.integration.app.asking import faults, require_problem
from tests.integration.invoices.by_hand import balance, credit, draft, finalized, look, sent
from tests.integration.subscriptions.stories import Story


def finalize(story: Story, invoice: dict[str, Any]) -> Any:
    return story.world.call("POST", f"/invoices/{invoice['id']}/finalize", {})


def test_a_draft_shows_what_it_would_come_to_and_owes_nothing(story: Story) -> None:
    invoice = draft(
        story, {"description": "Setup", "amount": 10_000}, {"description": "Hours", "amount": 1500, "quantity": 3}
    )

    assert (invoice["status"], invoice["number"], invoice["billing_reason"]) == ("draft", None, "manual")
    assert [(line["amount"], line["formula"]) for line in invoice["lines"]] == [(10_000, "100.00"), (4500, "3 × 15.00")]
    assert (invoice["subtotal_amount"], invoice["tax_amount"], invoice["total_amount"]) == (14_500, 2900, 17_400)
    assert story.books() == {}


def test_finalized_it_is_charged_with_the_default_card(story: Story) -> None:
    invoice = finalized(story, {"amount": 10_000})

    assert (invoice["status"], invoice["number"], invoice["amount_paid"]) == ("paid", "TEST-2026-000001", 12_000)
    assert story.books() == {"gateway_clearing": 12_000, "revenue": -10_000, "tax_payable": -2000}
    events = story.world.rows("SELECT type FROM outbox_events WHERE object_type = 'invoice' ORDER BY id")
    assert [event["type"] for event in events] == [
        "invoice.created", "invoice.updated", "invoice.finalized", "invoice.payment_changed", "invoice.paid"
    ]  # fmt: skip


def test_who_waits_for_a_declined_invoice_gets_a_402(story: Story) -> None:
    story.use_card("pm_card_chargeCustomerFail")
    accepted = finalize(story, draft(story, {"amount": 10_000}))
    story.world.work()

    operation = story.world.operation(accepted.json)
    assert (operation["status"], operation["error"]["code"]) == ("failed", "payment_declined")


def test_a_sent_invoice_is_open_until_it_is_due(story: Story) -> None:
    invoice = finalized(story, {"amount": 10_000}, collection="send_invoice", days_until_due=14)

    assert (invoice["status"], invoice["due_at"]) == ("open", "2026-02-14T10:00:00.000Z")
    assert invoice["payments"] == []
    assert story.books() == {"receivable": 12_000, "revenue": -10_000, "tax_payable": -2000}


def test_tax_and_balance_are_those_of_the_moment_at_which_it_is_finalized(story: Story) -> None:
    early = draft(story, {"amount": 1000}, collection="send_invoice")
    credit(story, finalized(story, {"amount": 1000}), amount=1200)
    late = draft(story, {"amount": 500}, collection="send_invoice")
    assert balance(story) == 1200

    assert finalize(story, late).json["balance_amount"] == 600
    assert finalize(story, early).json["balance_amount"] == 600
    assert (look(story, late)["status"], look(story, early)["amount_due"], balance(story)) == ("paid", 600, 0)


def test_a_draft_can_be_deleted_and_what_is_finalized_cannot(story: Story) -> None:
    invoice = draft(story, {"amount": 100})
    assert story.world.call("DELETE", f"/invoices/{invoice['id']}").json == {"id": invoice["id"], "deleted": True}
    assert story.world.call("GET", f"/invoices/{invoice['id']}").status_code == 404
    assert story.world.count("invoice_lines") == story.world.count("invoice_taxes") == 0

    kept = sent(story, 100)
    require_problem(story.world.call("DELETE", f"/invoices/{kept['id']}"), status=409, code="invoice_not_draft")
    line = {"description": "More", "amount": 1}
    refused = story.world.call("POST", f"/invoices/{kept['id']}/lines", line)
    require_problem(refused, status=409, code="invoice_not_draft")
    require_problem(finalize(story, kept), status=409, code="invoice_not_draft")


def test_a_rebate_is_a_negative_line_and_the_total_is_never_below_zero(story: Story) -> None:
    assert finalized(story, {"amount": 10_000}, {"amount": -4000}, collection="send_invoice")["total_amount"] == 7200
    below = draft(story, {"amount": 100}, {"amount": -101})

    require_problem(finalize(story, below), status=409, code="invoice_below_zero")
    require_problem(finalize(story, draft(story)), status=409, code="invoice_empty")
    assert look(story, below)["status"] == "draft"


def test_nothing_to_pay_is_paid_at_once(story: Story) -> None:
    assert finalized(story, {"amount": 100}, {"amount": -100})["status"] == "paid"
    assert story.world.count("payments") == 0


def test_what_a_line_cannot_hold_is_refused_with_a_pointer(story: Story) -> None:
    made = draft(story)
    line = {"description": "Too much", "amount": 999_999_999_999, "quantity": 2}
    refused = story.world.call("POST", f"/invoices/{made['id']}/lines", line)

    assert faults(require_problem(refused, status=422, code="line_too_large")) == {("/quantity", "too_large")}


def test_ten_finalizations_at_once_give_one_number(story: Story) -> None:
    made = draft(story, {"amount": 100}, collection="send_invoice")
    story.world.key()
    answers = at_once(10, lambda _: finalize(story, made).status_code)

    assert sorted(answers) == [200] + [409] * 9
    assert story.world.rows("SELECT last_number FROM invoice_series") == [{"last_number": 1}]


def test_an_invoice_by_hand_that_is_declined_has_a_dunning_case_in_its_customers_time(story: Story) -> None:
    story.use_card("pm_card_chargeCustomerFail")
    invoice = finalized(story, {"amount": 10_000})
    (case,) = story.cases()
    assert (case["next_step"], case["next_step_at"][:10]) == ("retry", "2026-02-01")
    assert run_due(story.world.runtime, at=utc_now(), now=utc_now()) == 0  # the real time is months after that

    story.use_card("pm_card_visa")
    story.advance("2026-02-01T12:00:00")

    assert look(story, invoice)["status"] == "paid"


def test_an_invoice_that_is_given_up_ends_its_case_and_can_still_be_paid(story: Story) -> None:
    story.use_card("pm_card_chargeCustomerFail")
    invoice = finalized(story, {"amount": 10_000})

    assert (
        story.world.call("POST", f"/invoices/{invoice['id']}/mark-uncollectible", {}).json["status"] == "uncollectible"
    )
    assert [case["status"] for case in story.cases()] == ["closed"]
    story.world.call("POST", f"/invoices/{invoice['id']}/pay", {"payment_method": "pm_card_visa"})
    story.world.work()

    assert look(story, invoice)["status"] == "paid"
    assert story.books() == {"gateway_clearing": 12_000, "revenue": -10_000, "tax_payable": -2000}


@pytest.mark.parametrize(
    ("currency", "price", "formula", "total"),
    [("JPY", 1001, "1001", 1201), ("KWD", 12_350, "12.350", 14_820)],
    ids=["JPY has no minor unit", "KWD has three decimals"],
)
def test_currencies_of_other_minor_units_go_through_an_invoice(
    story: Story, currency: str, price: int, formula: str, total: int
) -> None:
    invoice = finalized(story, {"amount": price}, currency=currency)
    note = credit(story, invoice, amount=total // 2, give_back="credit")

    assert (invoice["status"], invoice["total_amount"], invoice["amount_paid"]) == ("paid", total, total)
    assert invoice["lines"][0]["formula"] == formula
    assert [charge["amount"] for charge in story.world.all_charges()] == [total]
    assert note["subtotal_amount"] + note["tax_amount"] == note["balance_amount"] == total // 2


def test_what_the_gateway_cannot_charge_exactly_is_left_to_the_balance(story: Story) -> None:
    made = draft(story, {"amount": 12_349}, currency="KWD")

    finalized = finalize(story, made).json

    total = finalized["total_amount"]
    assert total % 10
    assert (finalized["amount_due"], finalized["balance_amount"]) == (total - total % 10, total % 10)
    owed = story.world.rows("SELECT amount_minor FROM customer_balances WHERE currency = 'KWD'")
    assert owed == [{"amount_minor": -(total % 10)}]
