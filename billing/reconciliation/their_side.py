"""Asking the gateway for one object of a comparison, where not to have it is an answer as well."""

from collections.abc import Callable
from typing import TypeVar

from billing.gateways.errors import GatewayObjectMissing
from billing.gateways.snapshots import BalanceEntrySnapshot, DisputeSnapshot, IntentSnapshot, RefundSnapshot
from billing.runtime import Runtime

T = TypeVar("T")


def intent_or_none(runtime: Runtime, *, gateway_id: str) -> IntentSnapshot | None:
    """Fetch a payment intent; None when the gateway does not have it."""
    return _or_none(lambda: runtime.gateway.get_intent(gateway_id=gateway_id))


def refund_or_none(runtime: Runtime, *, gateway_id: str) -> RefundSnapshot | None:
    """Fetch a refund; None when the gateway does not have it."""
    return _or_none(lambda: runtime.gateway.get_refund(gateway_id=gateway_id))


def dispute_or_none(runtime: Runtime, *, gateway_id: str) -> DisputeSnapshot | None:
    """Fetch a dispute; None when the gateway does not have it."""
    return _or_none(lambda: runtime.gateway.get_dispute(gateway_id=gateway_id))


def entry_or_none(runtime: Runtime, *, gateway_id: str) -> BalanceEntrySnapshot | None:
    """Fetch a balance transaction; None when the gateway does not have it."""
    return _or_none(lambda: runtime.gateway.get_entry(gateway_id=gateway_id))


def _or_none(fetch: Callable[[], T]) -> T | None:
    try:
        return fetch()
    except GatewayObjectMissing:
        return None
