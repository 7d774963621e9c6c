"""What stories about invoices by hand and credit notes say."""

from typing import Any

from tests.integration.subscriptions.stories import Story


def draft(story: Story, *lines: dict[str, Any], **fields: Any) -> dict[str, Any]:
    """Make a draft with lines, and return it."""
    made = story.world.call("POST", "/invoices", {"customer_id": story.customer, **fields})
    assert made.status_code == 201, made.text
    for line in lines:
        added = story.world.call("POST", f"/invoices/{made.json['id']}/lines", {"description": "Work", **line})
        assert added.status_code == 201, added.text
    return look(story, made.json)


def finalized(story: Story, *lines: dict[str, Any], **fields: Any) -> dict[str, Any]:
    """Make an invoice by hand, finalize it, let the workers do what follows, and return it."""
    made = draft(story, *lines, **fields)
    answer = story.world.call("POST", f"/invoices/{made['id']}/finalize", {})
    assert answer.status_code in {200, 202}, answer.text
    story.world.work()
    return look(story, made)


def sent(story: Story, amount: int) -> dict[str, Any]:
    """Make an open invoice that is sent, of one line."""
    return finalized(story, {"amount": amount}, collection="send_invoice")


def look(story: Story, invoice: dict[str, Any]) -> dict[str, Any]:
    """Return the invoice as it is now."""
    answer = story.world.call("GET", f"/invoices/{invoice['id']}")
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json
    return found


def credit(story: Story, invoice: dict[str, Any], **wish: Any) -> dict[str, Any]:
    """Write a credit note, let the workers do what follows, and return it as it is then."""
    answer = story.world.call("POST", f"/invoices/{invoice['id']}/credit-notes", wish)
    assert answer.status_code in {201, 202}, answer.text
    story.world.work()
    found: dict[str, Any] = story.world.call("GET", f"/credit-notes/{answer.json['id']}").json
    return found


def uses(note: dict[str, Any]) -> tuple[int, int, int]:
    """Return what a note took off the open invoice, gave to the balance, and refunds."""
    return note["open_amount"], note["balance_amount"], note["refund_amount"]


def balance(story: Story) -> int:
    """Return what the customer has with us in USD."""
    found = story.world.rows("SELECT amount_minor FROM customer_balances WHERE currency = 'USD'")
    return sum(row["amount_minor"] for row in found)
