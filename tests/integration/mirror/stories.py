"""What stories of mirrored subscriptions say: somebody subscribes at Stripe, and this service hears of it, or does not yet."""

from typing import Any

from tests.service.world import World


class AtStripe:
    """A customer of ours whose subscriptions Stripe bills."""

    def __init__(self, world: World, *, card: str | None = "pm_card_visa") -> None:
        self.world = world
        self.customer = world.customer()
        world.work()
        self.gateway_customer = str(world.call("GET", f"/customers/{self.customer}").json["gateway_id"])
        if card is not None:
            self.use_card(card)

    def use_card(self, card: str) -> str:
        """Make a card the one that Stripe charges, and return its id; this service has not heard of it."""
        method = str(self.world.gateway_post(f"payment_methods/{card}/attach", customer=self.gateway_customer)["id"])
        form = {"invoice_settings[default_payment_method]": method}
        self.world.gateway_post(f"customers/{self.gateway_customer}", **form)
        return method

    def price(self, plan: str | None = "pro", /, **form: Any) -> str:
        """Make a price at Stripe that names a plan of ours in its metadata, and return its id."""
        product = self.world.gateway_post("products", name="A plan at Stripe")["id"]
        named = {"metadata[billing_plan]": plan} if plan is not None else {}
        form = {"recurring[interval]": "month", "currency": "usd", "unit_amount": 2900, **named, **form}
        return str(self.world.gateway_post("prices", product=product, **form)["id"])

    def subscribe(self, price: str | None = None, /, **form: Any) -> str:
        """Subscribe at Stripe and return the subscription's id there; this service has not heard of it."""
        named = {"customer": self.gateway_customer, "items[0][price]": price or self.price(), **form}
        return str(self.world.gateway_post("subscriptions", **named)["id"])

    def change(self, gateway_id: str, **form: Any) -> dict[str, Any]:
        """Change the subscription at Stripe."""
        return self.world.gateway_post(f"subscriptions/{gateway_id}", **form)

    def time_passes(self, gateway_id: str, outcome: str = "end_period") -> None:
        """Let happen at Stripe what time would bring."""
        self.world.servers.control("POST", f"subscriptions/{gateway_id}", {"outcome": outcome})

    def at_stripe(self, gateway_id: str) -> dict[str, Any]:
        """Return the subscription as Stripe has it."""
        return self.world.gateway(f"subscriptions/{gateway_id}")

    def events(self, gateway_id: str) -> list[dict[str, Any]]:
        """Return the events of a subscription and of its invoices, oldest first."""
        return [event for event in self.world.events() if gateway_id in _named(event["data"]["object"])]

    def hear(self, *events: dict[str, Any]) -> None:
        """Let events be delivered, and the workers handle them."""
        self.world.deliver(*events)
        self.world.work()

    def hear_all(self) -> None:
        """Let all events be delivered that Stripe has."""
        self.hear(*self.world.events())

    def mirrored(self, gateway_id: str) -> dict[str, Any]:
        """Return the subscription as this service shows it."""
        listed = self.world.call("GET", "/subscriptions?managed_by=stripe&limit=100").json["data"]
        (found,) = [each for each in listed if each["gateway_id"] == gateway_id]
        shown: dict[str, Any] = self.world.call("GET", f"/subscriptions/{found['id']}").json
        assert shown == found
        return shown

    def plan(self) -> str:
        """Return the plan whose features the customer has."""
        return str(self.world.call("GET", f"/customers/{self.customer}/entitlements").json["plan"])

    def told(self) -> list[str]:
        """Return the events of ours that tell of subscriptions, oldest first."""
        query = "SELECT type FROM outbox_events WHERE object_type = 'subscription' ORDER BY id"
        return [row["type"] for row in self.world.rows(query)]


def _named(shown: dict[str, Any]) -> set[object]:
    parent = shown.get("parent") or {}
    return {shown.get("id"), (parent.get("subscription_details") or {}).get("subscription")}
