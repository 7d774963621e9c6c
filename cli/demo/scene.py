"""Who takes part in the story, and what a step is."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from cli.demo.browser import Browser
from cli.demo.exchange import Exchange, ServiceApi
from cli.demo.inbox import WebhookInbox
from cli.demo.telling import tell_exchange, tell_webhook
from local.data_dir import DataDir


class StoryBroken(Exception):
    """A step did not come out as the story tells it."""


@dataclass(kw_only=True)
class Scene:
    """Who takes part in the story, and what earlier steps left behind."""

    api: ServiceApi
    data_dir: DataDir
    browser: Browser
    inbox: WebhookInbox
    return_url: str
    customer_id: str = ""
    payment_method: str = ""
    payment_id: str = ""
    payment_intent: str = ""

    def post(self, path: str, body: Mapping[str, Any], *, expected: int) -> Mapping[str, Any]:
        """Send a request, show it, and return its answer. Raises StoryBroken on another status."""
        return self.checked(self.api.post(path, body), expected=expected)

    def put(self, path: str, body: Mapping[str, Any], *, expected: int) -> Mapping[str, Any]:
        """Change a resource, show it, and return its answer. Raises StoryBroken on another status."""
        return self.checked(self.api.put(path, body), expected=expected)

    def get(self, path: str, **query: str) -> Mapping[str, Any]:
        """Read a resource, show it, and return it. Raises StoryBroken."""
        return self.checked(self.api.get(path, **query), expected=200)

    def delete(self, path: str) -> None:
        """Delete a resource, and show it. Raises StoryBroken."""
        self.checked(self.api.delete(path), expected=200)

    def checked(self, exchange: Exchange, *, expected: int) -> Mapping[str, Any]:
        """Show an exchange and return its answer. Raises StoryBroken on another status than the expected one."""
        tell_exchange(exchange)
        if exchange.status != expected:
            raise StoryBroken(f"expected status {expected}, got {exchange.status}")
        return exchange.answer

    def webhook(self, event_type: str, *, about: str) -> None:
        """Wait for the webhook about a Stripe object and show it. Raises WebhookMissing."""
        tell_webhook(self.inbox.handled(event_type=event_type, about=about))


@dataclass(frozen=True, kw_only=True)
class Step:
    """One step: a title and what happens."""

    title: str
    run: Callable[[Scene], None]


def require(actual: object, *, equals: object, what: str) -> None:
    """Raise StoryBroken when a value of an answer is not what the story tells."""
    if actual != equals:
        raise StoryBroken(f"{what} is {actual!r}, expected {equals!r}")
