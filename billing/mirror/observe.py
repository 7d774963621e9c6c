"""Process: ask the gateway how a subscription that it bills stands."""

from typing import NamedTuple

from sqlalchemy import select

from billing.gateways.errors import GatewayObjectMissing
from billing.gateways.snapshots import SubscriptionSnapshot
from billing.runtime import Runtime
from models.mirror import MirroredSubscription

# Of a subscription that was never observed; the first observation makes it 1.
NEVER = 0


class MirrorObservation(NamedTuple):
    """What the gateway says of a subscription, and our row's version before it was asked.

    `subscription` is None when the gateway does not have it.
    """

    gateway_id: str
    version: int
    subscription: SubscriptionSnapshot | None


def observe_mirror(runtime: Runtime, *, gateway_id: str) -> MirrorObservation:
    """Read the row's version, then fetch the object. Raises GatewayUnavailable, GatewayAnswerNotUnderstood."""
    with runtime.transaction() as session:
        query = select(MirroredSubscription.version).where(MirroredSubscription.gateway_id == gateway_id)
        version = session.scalar(query) or NEVER
    try:
        return MirrorObservation(gateway_id, version, runtime.gateway.subscriptions.get(gateway_id=gateway_id))
    except GatewayObjectMissing:
        return MirrorObservation(gateway_id, version, None)
