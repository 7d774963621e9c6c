"""What stories about subscriptions say: somebody subscribes, time passes, and what was billed is looked at."""

from datetime import UTC, datetime
from typing import Any

from tests.service.world import Reply, World


def at(text: str) -> datetime:
    """Return an instant in UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


class Story:
    """A customer on a test clock, and its subscriptions."""

    def __init__(self, world: World, *, begins: str, card: str | None = "pm_card_visa") -> None:
        self.world = world
        self.clock = str(world.call("POST", "/test-clocks", {"frozen_time": f"{begins}Z"}).json["id"])
        self.customer = world.customer(test_clock=self.clock)
        if card is not None:
            self.use_card(card)

    @classmethod
    def of(cls, world: World, *, clock: str, customer: str) -> "Story":
        """Return the story of a customer who is there already."""
        story = cls.__new__(cls)
        story.world, story.clock, story.customer = world, clock, customer
        return story

    def use_card(self, card: str) -> None:
        """Attach a payment method and make it the default."""
        body = {"payment_method": card, "set_default": True}
        accepted = self.world.call("POST", f"/customers/{self.customer}/payment-methods", body)
        assert accepted.status_code == 202, accepted.text
        self.world.work()

    def subscribe(self, plan: str = "pro", **fields: Any) -> dict[str, Any]:
        """Subscribe, let the workers do what follows, and return the subscription as it then is."""
        body = {"customer_id": self.customer, "plan": plan, **fields}
        accepted = self.world.call("POST", "/subscriptions", body)
        assert accepted.status_code in {201, 202}, accepted.text
        self.world.work()
        return self.subscription(str(accepted.json["id"]))

    def subscription(self, subscription_id: str) -> dict[str, Any]:
        """Return a subscription through the API."""
        answer = self.world.call("GET", f"/subscriptions/{subscription_id}")
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json
        return found

    def act(self, subscription: dict[str, Any], action: str, **fields: Any) -> dict[str, Any]:
        """Cancel, pause or resume, and return the subscription as it then is."""
        answer = self.world.call("POST", f"/subscriptions/{subscription['id']}/{action}", fields)
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json
        return found

    def put(self, subscription: dict[str, Any], **wanted: Any) -> Reply:
        """Ask for a change."""
        return self.world.call("PUT", f"/subscriptions/{subscription['id']}", wanted)

    def change(self, subscription: dict[str, Any], **wanted: Any) -> dict[str, Any]:
        """Change a subscription, let the workers do what follows, and return it as it then is."""
        accepted = self.put(subscription, **wanted)
        assert accepted.status_code in {200, 202}, accepted.text
        self.world.work()
        return self.subscription(subscription["id"])

    def preview(self, subscription: dict[str, Any], **wanted: Any) -> dict[str, Any]:
        """Return what a change would come to."""
        answer = self.world.call("POST", f"/subscriptions/{subscription['id']}/preview", wanted)
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json
        return found

    def invoices(self, **filters: str) -> list[dict[str, Any]]:
        """Return the customer's invoices, oldest first."""
        query = "&".join(f"{name}={value}" for name, value in {"customer_id": self.customer, **filters}.items())
        answer = self.world.call("GET", f"/invoices?limit=100&{query}")
        assert answer.status_code == 200, answer.text
        return list(reversed(answer.json["data"]))

    def lines(self, number: int = -1) -> list[dict[str, Any]]:
        """Return what the lines of an invoice say, of the last one by default; a preview says the same, without ids."""
        return [{name: line[name] for name in line if name != "id"} for line in self.invoices()[number]["lines"]]

    def cases(self) -> list[dict[str, Any]]:
        """Return the customer's dunning cases, oldest first."""
        return list(reversed(self.world.call("GET", f"/dunning?customer_id={self.customer}").json["data"]))

    def advance(self, to: str) -> None:
        """Let the customer's time pass, with all that falls due in it."""
        accepted = self.world.call("POST", f"/test-clocks/{self.clock}/advance", {"frozen_time": f"{to}Z"})
        assert accepted.status_code == 202, accepted.text
        for _ in range(200):
            self.world.make_all_due()
            self.world.work()
            if self.world.operation(accepted.json)["status"] in {"succeeded", "failed"}:
                break
        assert self.world.operation(accepted.json)["status"] == "succeeded", self.world.operation(accepted.json)

    def books(self) -> dict[str, int]:
        """Return what each account holds in USD, debits less credits, without those that hold nothing."""
        found = self.world.rows(
            "SELECT account, sum(amount)::bigint AS amount FROM ledger_postings WHERE asset = 'USD' GROUP BY account"
        )
        return {row["account"]: row["amount"] for row in found if row["amount"]}
