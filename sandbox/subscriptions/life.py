"""What becomes of a subscription: it begins, its periods end, its payments come late or never, it is canceled.

Here no time passes by itself: a control route ends a period, as if the clock had come there.
"""

from sandbox.json_types import Json
from sandbox.subscriptions.invoicing import bill_period, charge_invoice, default_method, require_method
from sandbox.subscriptions.periods import period_from
from sandbox.wire.errors import ApiError, invalid_request
from sandbox.work import Work

ENDED = ("canceled", "incomplete_expired")
_UPDATED = "customer.subscription.updated"
_DELETED = "customer.subscription.deleted"


def begin(*, work: Work, subscription: Json, waits_for_customer: bool) -> None:
    """Begin a new subscription: with its trial, or with its first invoice, charged at once unless it waits for the customer."""
    if subscription["trial_end"] is not None:
        subscription["status"] = "trialing"
        work.add(subscription, event="customer.subscription.created")
        bill_period(work=work, subscription=subscription, reason="subscription_create", is_free=True)
        work.save(subscription)
        return
    if not waits_for_customer:
        require_method(work=work, subscription=subscription)
    work.add(subscription, event="customer.subscription.created")
    _bill(
        work, subscription=subscription, reason="subscription_create", late="incomplete", charges=not waits_for_customer
    )
    work.save(subscription, event=_UPDATED, tells_difference=True)


def end_period(*, work: Work, subscription: Json) -> None:
    """Let the present period be over: the subscription ends, waits for a payment method, or goes on and is billed."""
    _require_alive(subscription)
    if subscription["cancel_at_period_end"]:
        end(work=work, subscription=subscription, at=_period_end(subscription))
        return
    settings = subscription["trial_settings"]["end_behavior"]
    has_method = default_method(work=work, subscription=subscription) is not None
    if subscription["status"] == "trialing" and settings["missing_payment_method"] == "pause" and not has_method:
        subscription["status"] = "paused"
        work.save(subscription, event="customer.subscription.paused", tells_difference=True)
        work.emit(_UPDATED, subscription)
        return
    if subscription["status"] == "trialing":
        subscription["status"] = "active"
    start_period(subscription=subscription, start=_period_end(subscription))
    work.save(subscription, event=_UPDATED, tells_difference=True)
    if subscription["status"] != "unpaid":
        _bill(work, subscription=subscription, reason="subscription_cycle", late="past_due")
    work.save(subscription, event=_UPDATED, tells_difference=True)


def start_period(*, subscription: Json, start: int) -> None:
    """Set the period of each item to the one that begins at `start`."""
    for item in subscription["items"]["data"]:
        anchor = subscription["billing_cycle_anchor"]
        period = period_from(start=start, anchor=anchor, recurring=item["price"]["recurring"])
        item |= {"current_period_start": period.start, "current_period_end": period.end}


def restart_now(*, work: Work, subscription: Json) -> None:
    """Begin a new period now, and bill it: another interval, or the end of a pause or of a trial."""
    subscription |= {"billing_cycle_anchor": work.created, "status": "active"}
    start_period(subscription=subscription, start=work.created)
    _bill(work, subscription=subscription, reason="subscription_update", late="past_due")


def resume(*, work: Work, subscription: Json) -> None:
    """Go on after a trial that ended without a payment method."""
    if subscription["status"] != "paused":
        raise _unexpected(subscription, "resume")
    require_method(work=work, subscription=subscription)
    restart_now(work=work, subscription=subscription)
    work.save(subscription, event="customer.subscription.resumed", tells_difference=True)
    work.emit(_UPDATED, subscription)


def pay(*, work: Work, invoice: Json, method: str | None) -> None:
    """Pay an open invoice; what its failure began ends with it. Raises CardError for a decline, after recording it."""
    if invoice["status"] != "open":
        raise invalid_request(
            message="Invoice is already paid" if invoice["status"] == "paid" else "Invoice is not open"
        )
    name = invoice["parent"]["subscription_details"]["subscription"]
    subscription = work.get("subscription", name, param="subscription")
    declined = charge_invoice(work=work, subscription=subscription, invoice=invoice, method=method)
    if declined is not None:
        raise declined
    if subscription["status"] in ("incomplete", "past_due", "unpaid"):
        subscription["status"] = "active"
        work.save(subscription, event=_UPDATED, tells_difference=True)


def remind_of_trial_end(*, work: Work, subscription: Json) -> None:
    """Tell that a trial will end soon."""
    if subscription["status"] != "trialing":
        raise _unexpected(subscription, "remind of the trial's end of")
    work.emit("customer.subscription.trial_will_end", subscription)


def give_up(*, work: Work, subscription: Json) -> None:
    """Let all attempts to collect have failed: what never began expires, what did is unpaid."""
    if subscription["status"] == "incomplete":
        subscription |= {"status": "incomplete_expired", "ended_at": work.created}
    elif subscription["status"] == "past_due":
        subscription["status"] = "unpaid"
    else:
        raise _unexpected(subscription, "give up")
    work.save(subscription, event=_UPDATED, tells_difference=True)


def end(*, work: Work, subscription: Json, at: int) -> None:
    """Cancel a subscription, for good."""
    _require_alive(subscription)
    subscription |= {"status": "canceled", "canceled_at": subscription["canceled_at"] or work.created, "ended_at": at}
    subscription["cancellation_details"]["reason"] = "cancellation_requested"
    work.save(subscription, event=_DELETED)


def _bill(work: Work, *, subscription: Json, reason: str, late: str, charges: bool = True) -> None:
    invoice = bill_period(work=work, subscription=subscription, reason=reason)
    if invoice["status"] == "paid" or subscription["collection_method"] == "send_invoice":
        subscription["status"] = "active"
        return
    failed = not charges or charge_invoice(work=work, subscription=subscription, invoice=invoice) is not None
    subscription["status"] = late if failed else "active"


def _period_end(subscription: Json) -> int:
    return min(int(item["current_period_end"]) for item in subscription["items"]["data"])


def _require_alive(subscription: Json) -> None:
    if subscription["status"] in ENDED:
        raise _unexpected(subscription, "change")


def _unexpected(subscription: Json, what: str) -> ApiError:
    return invalid_request(
        message=f"You cannot {what} the subscription {subscription['id']}: its status is {subscription['status']}."
    )
