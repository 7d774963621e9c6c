"""Process: look at every subscription that Stripe has, as if each had sent an event.

For those that were there before this service, and after a plan, or a customer, became known. Harmless to repeat; a process that
dies is simply run again.
"""

from collections.abc import Callable, Iterator
from datetime import datetime
from typing import NamedTuple

from billing.actor import Actor
from billing.errors import Unavailable
from billing.mirror.adopt_customer import adopt_customer
from billing.mirror.apply import apply_mirror
from billing.mirror.observe import MirrorObservation, observe_mirror
from billing.observations import OBSERVE_TRIES_MAX, StaleObservation
from billing.runtime import Runtime
from models.mirror import MirroredSubscription

PAGES_MAX = 10_000


class Synced(NamedTuple):
    """How many subscriptions Stripe has that have not ended, and of how many of them something of ours is missing."""

    seen: int = 0
    without_customer: int = 0
    without_plan: int = 0


def sync_mirrors(
    runtime: Runtime,
    *,
    adds_customers: bool,
    actor: Actor,
    now: Callable[[], datetime],
    progress: Callable[[int], None],
) -> Synced:
    """Mirror each subscription that has not ended; `progress` is told how many are done. Raises Unavailable.

    With `adds_customers` a customer of the gateway who subscribes there and is none of ours becomes one of ours.
    """
    done = Synced()
    for gateway_id in _names(runtime):
        mirror = mirror_now(runtime, gateway_id=gateway_id, actor=actor, now=now)
        if mirror is not None and mirror.customer_id is None and adds_customers:
            there = runtime.gateway.get_customer(gateway_id=mirror.gateway_customer_id)
            with runtime.transaction() as session:
                adopt_customer(session, there=there, actor=actor, now=now())
            mirror = mirror_now(runtime, gateway_id=gateway_id, actor=actor, now=now)
        if mirror is not None:
            done = Synced(
                done.seen + 1,
                done.without_customer + (mirror.customer_id is None),
                done.without_plan + (mirror.plan_id is None),
            )
        progress(done.seen)
    return done


def mirror_now(
    runtime: Runtime, *, gateway_id: str, actor: Actor, now: Callable[[], datetime]
) -> MirroredSubscription | None:
    """Bring one mirrored subscription to its present state; None where there is none. Raises Unavailable."""

    def apply(observation: MirrorObservation) -> MirroredSubscription | None:
        with runtime.transaction() as session:
            return apply_mirror(session, observation=observation, actor=actor, now=now())

    for _ in range(OBSERVE_TRIES_MAX):
        try:
            return apply(observe_mirror(runtime, gateway_id=gateway_id))
        except StaleObservation:
            continue
    raise Unavailable(f"{gateway_id} changes faster than it can be read")


def _names(runtime: Runtime) -> Iterator[str]:
    after: str | None = None
    for _ in range(PAGES_MAX):
        page, more = runtime.gateway.subscriptions.page_of_names(after=after)
        yield from page
        if not more or not page:
            return
        after = page[-1]
