"""Stories of credits in which one thing goes wrong at one place."""

from tests.chaos.scene import Scene


def _credits_are_used_and_asked_for_again(scene: Scene) -> None:
    """Each answer is asked for once more in the end, under its key."""
    customer = scene.customer()
    scene.ask("/credits/grants", {"customer_id": customer, "amount": 100})
    for amount in (10, 20):
        scene.ask("/credits/deduct", {"customer_id": customer, "amount": amount, "operation": "ai"})


def _drain_dies_before_its_commit(scene: Scene) -> None:
    customer = scene.customer()
    scene.ask("/credits/grants", {"customer_id": customer, "amount": 100})
    scene.stack.arm("credits.before_drain_commit", "kill")
    scene.ask("/credits/deduct", {"customer_id": customer, "amount": 10, "operation": "ai"})
    scene.fires("credits.before_drain_commit")


def _who_sends_credits_dies_when_they_have_arrived(scene: Scene) -> None:
    """A sweep finds the transfer, and asks the receiver whether it has it."""
    sender = scene.customer()
    receiver = str(scene.ask("/customers", {"email": "receiver@example.com"}).body["id"])
    scene.ask("/credits/grants", {"customer_id": sender, "amount": 100})
    scene.stack.arm("credits.transfer_received", "kill")
    sent = {"from_customer_id": sender, "to_customer_id": receiver, "amount": 30}
    scene.later("/credits/transfer", sent)
    scene.fires("credits.transfer_received")
    scene.until(
        lambda: scene.stack.rows("SELECT 1 FROM credit_transactions WHERE type = 'transfer_out'"),
        what="the transfer's end",
    )


def _card_is_declined_for_credits(scene: Scene) -> None:
    body = {"customer_id": scene.customer(), "amount": 500, "payment_method": "pm_card_chargeDeclined"}
    scene.ask("/credits/purchase", body)
    scene.until(
        lambda: scene.stack.rows(
            "SELECT 1 FROM operations WHERE kind = 'credits.purchase' AND finished_at IS NOT NULL"
        ),
        what="the operation's end",
    )


CREDIT_STORIES = (
    _credits_are_used_and_asked_for_again,
    _drain_dies_before_its_commit,
    _who_sends_credits_dies_when_they_have_arrived,
    _card_is_declined_for_credits,
)
