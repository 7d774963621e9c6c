"""A payment succeeds for an invoice that does not want it any more: the customer's balance has it, once."""

from billing.actor import WORKER
from billing.clock import utc_now
from billing.invoicing.follow_payment import follow_payment
from billing.invoicing.prefixes import INVOICE_PREFIX
from models.ids import row_id
from tests.concurrency.crowd import at_once
from tests.integration.invoices.by_hand import balance, finalized, look
from tests.integration.subscriptions.stories import Story


def follow(story: Story, invoice_id: str) -> None:
    with story.world.session() as session:
        follow_payment(session, invoice_id=row_id(INVOICE_PREFIX, invoice_id), actor=WORKER, now=utc_now())


def paid_after_it_was_voided(story: Story) -> dict[str, object]:
    story.use_card("pm_card_chargeCustomerFail")
    invoice = finalized(story, {"amount": 10_000})
    payment = story.world.payment(invoice["payments"][0]["id"])
    assert story.world.call("POST", f"/invoices/{invoice['id']}/void", {}).status_code == 200
    # The customer pays in the browser before our cancellation is there.
    story.world.gateway_post(f"payment_intents/{payment['gateway_id']}/confirm", payment_method="pm_card_visa")
    story.world.deliver(*story.world.events_about(payment["gateway_id"], "payment_intent.succeeded"))
    story.world.work()
    at_once(4, lambda _: follow(story, str(invoice["id"])))  # told again, by several at once
    return look(story, invoice)


def test_the_payment_of_a_void_invoice_becomes_the_customers_balance(story: Story) -> None:
    invoice = paid_after_it_was_voided(story)

    assert (invoice["status"], invoice["amount_paid"], balance(story)) == ("void", 0, 12_000)
    assert story.books() == {"gateway_clearing": 12_000, "customer_balance": -12_000}
    assert story.world.count("outbox_events WHERE type = 'invoice.overpaid'") == 1


def test_it_pays_of_the_next_invoice(story: Story) -> None:
    paid_after_it_was_voided(story)

    following = finalized(story, {"amount": 11_000})

    assert (following["status"], following["balance_amount"], following["amount_due"]) == ("open", 12_000, 1200)


def test_voiding_what_was_given_up_takes_the_loss_back(story: Story) -> None:
    invoice = finalized(story, {"amount": 10_000}, collection="send_invoice")
    story.world.call("POST", f"/invoices/{invoice['id']}/mark-uncollectible", {})

    assert story.world.call("POST", f"/invoices/{invoice['id']}/void", {}).status_code == 200
    assert story.books() == {}


def test_the_balance_pays_an_invoice_wholly_and_the_next_one_in_part(story: Story) -> None:
    paid_after_it_was_voided(story)
    story.use_card("pm_card_visa")

    wholly, in_part = finalized(story, {"amount": 9000}), finalized(story, {"amount": 9000})

    assert (wholly["status"], wholly["balance_amount"], wholly["payments"]) == ("paid", 10_800, [])
    assert (in_part["status"], in_part["balance_amount"], in_part["amount_paid"]) == ("paid", 1200, 9600)
    assert balance(story) == 0
    assert story.books() == {"gateway_clearing": 21_600, "revenue": -18_000, "tax_payable": -3600}
