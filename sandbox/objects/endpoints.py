"""The webhook endpoint object."""

from sandbox.hidden import hidden
from sandbox.identifiers import new_id, new_signing_secret
from sandbox.json_types import Json


def new_webhook_endpoint(*, url: str, enabled_events: list[str], created: int) -> Json:
    """Return an enabled endpoint. Its secret is hidden: only the answer to its creation shows it."""
    body: Json = {
        "id": new_id(prefix="we"),
        "object": "webhook_endpoint",
        "api_version": None,
        "application": None,
        "created": created,
        "description": None,
        "enabled_events": enabled_events,
        "livemode": False,
        "metadata": {},
        "status": "enabled",
        "url": url,
    }
    hidden(body)["secret"] = new_signing_secret()
    return body
