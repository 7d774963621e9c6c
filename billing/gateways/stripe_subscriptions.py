"""The part of Stripe that bills by itself: subscriptions that live there. It is reached through the gateway, as all of it is."""

from collections.abc import Callable
from functools import partial
from typing import Any, Protocol, TypeVar

from pydantic import BaseModel

from billing.gateways.errors import GatewayAnswerNotUnderstood
from billing.gateways.snapshots import PAGE_LENGTH_MAX, PageSnapshot, SubscriptionNameSnapshot, SubscriptionSnapshot

S = TypeVar("S", bound=BaseModel)
# What belongs to a subscription and is not in it: Stripe answers with an id where it is not asked for.
_EXPANDED = ("customer", "latest_invoice", "items.data.price.product")


class Call(Protocol):
    """How the gateway makes a call: counted, timed, never inside a transaction, its failures in our words."""

    def __call__(self, name: str, snapshot: type[S], call: Callable[[], Any], /) -> S:
        """Return what the call answered, validated."""
        ...


class StripeSubscriptions:
    """Subscriptions at Stripe. `api` is the SDK's service of that name; every call raises as the gateway's do."""

    def __init__(self, api: Any, *, call: Call) -> None:
        self._api = api
        self._call = call

    def get(self, *, gateway_id: str) -> SubscriptionSnapshot:
        """Fetch the subscription as it stands."""
        fetch = partial(self._api.retrieve, gateway_id, {"expand": list(_EXPANDED)})
        return self._call("subscription.retrieve", SubscriptionSnapshot, fetch)

    def page_of_names(self, *, after: str | None) -> tuple[list[str], bool]:
        """Fetch a page of the ids of all that have not ended, newest first, older than `after`; say whether more follow."""
        older = {"starting_after": after} if after else {}
        page = self._call(
            "subscription.list", PageSnapshot, partial(self._api.list, {"limit": PAGE_LENGTH_MAX, **older})
        )
        return [SubscriptionNameSnapshot.model_validate(item).id for item in page.data], page.has_more

    def end_at_period_end(self, *, gateway_id: str, metadata: dict[str, str], idempotency_key: str) -> None:
        """Let the subscription end when what it has billed is used up. Raises GatewayRefused for one that has ended."""
        params = {"cancel_at_period_end": True, "metadata": metadata}
        update = partial(self._api.update, gateway_id, params, {"idempotency_key": idempotency_key})
        ended = self._call("subscription.update", SubscriptionNameSnapshot, update)
        if ended.id != gateway_id:
            raise GatewayAnswerNotUnderstood(f"the gateway answered with {ended.id} where {gateway_id} was changed")
