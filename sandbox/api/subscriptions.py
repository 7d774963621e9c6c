"""Routes of subscriptions and of their invoices."""

from sandbox.api.customers import get_customer
from sandbox.api.lists import PAGE_WITH_AGE, list_objects
from sandbox.api.routing import Call, Route
from sandbox.json_types import Json
from sandbox.objects.subscriptions import new_item, new_subscription
from sandbox.payments.methods import resolve_method
from sandbox.subscriptions.life import ENDED, begin, end, pay, restart_now, resume
from sandbox.subscriptions.periods import Period, period_from
from sandbox.wire.errors import invalid_request
from sandbox.wire.parameters import (
    TIMESTAMP,
    Boolean,
    Choice,
    Fields,
    Integer,
    Many,
    Metadata,
    Rule,
    Text,
    merge_metadata,
)

_DAY = 86_400
_STATUSES = (
    "active",
    "all",
    "canceled",
    "ended",
    "incomplete",
    "incomplete_expired",
    "past_due",
    "paused",
    "trialing",
    "unpaid",
)
_ITEM: dict[str, Rule] = {"metadata": Metadata(), "price": Text(), "quantity": Integer(minimum=0)}
_PRORATION = Choice(("always_invoice", "create_prorations", "none"))
_WRITABLE: dict[str, Rule] = {
    "cancel_at_period_end": Boolean(),
    "collection_method": Choice(("charge_automatically", "send_invoice")),
    "days_until_due": Integer(minimum=0),
    "default_payment_method": Text(unsettable=True),
    "description": Text(max_length=500, unsettable=True),
    "metadata": Metadata(),
    "off_session": Boolean(),
    "payment_behavior": Choice(("allow_incomplete", "default_incomplete")),
    "proration_behavior": _PRORATION,
    "trial_settings": Fields(
        {
            "end_behavior": Fields(
                {"missing_payment_method": Choice(("cancel", "create_invoice", "pause"))},
                required=("missing_payment_method",),
            )
        }
    ),
}


class _TrialEnd:
    """The parameter `trial_end`: a moment, or the word `now`."""

    def read(self, value: object, *, name: str) -> int | str | None:
        return "now" if value == "now" else TIMESTAMP.read(value, name=name)


_CREATE: dict[str, Rule] = {
    **_WRITABLE,
    "backdate_start_date": TIMESTAMP,
    "billing_cycle_anchor": TIMESTAMP,
    "currency": Text(),
    "customer": Text(),
    "items": Many(Fields(_ITEM, required=("price",))),
    "trial_end": _TrialEnd(),
    "trial_period_days": Integer(minimum=1, maximum=730),
}
_UPDATE: dict[str, Rule] = {
    **_WRITABLE,
    "cancellation_details": Fields({"comment": Text(unsettable=True), "feedback": Text(unsettable=True)}),
    "items": Many(Fields({**_ITEM, "deleted": Boolean(), "id": Text()})),
    "pause_collection": Fields(
        {"behavior": Choice(("keep_as_draft", "mark_uncollectible", "void")), "resumes_at": TIMESTAMP},
        required=("behavior",),
        unsettable=True,
    ),
    "trial_end": _TrialEnd(),
}


def _create(call: Call) -> Json:
    params, work = call.params, call.work
    customer = get_customer(work=work, customer_id=params["customer"])
    prices = [_price(call, item["price"]) for item in params["items"]]
    if not prices or len({(price["currency"], *_interval(price)) for price in prices}) != 1:
        raise invalid_request(
            message="You must pass items whose prices have one currency and one interval.", param="items"
        )
    trial_end = _trial_end(call)
    start = min(params.get("backdate_start_date", work.created), work.created)
    anchor = trial_end or params.get("billing_cycle_anchor", start)
    subscription = new_subscription(
        customer=customer["id"], currency=prices[0]["currency"], anchor=anchor, created=work.created
    )
    subscription["start_date"] = start
    if trial_end is not None:
        subscription |= {"trial_start": work.created, "trial_end": trial_end}
    _write(call, subscription)
    period = (
        Period(work.created, trial_end)
        if trial_end is not None
        else period_from(start=work.created, anchor=anchor, recurring=prices[0]["recurring"])
    )
    for price, item in zip(prices, params["items"], strict=True):
        subscription["items"]["data"].append(_new_item(call, subscription, price=price, asked=item, period=period))
    waits = params.get("payment_behavior") == "default_incomplete"
    begin(work=work, subscription=subscription, waits_for_customer=waits)
    return subscription


def _retrieve(call: Call) -> Json:
    return _get(call)


def _update(call: Call) -> Json:
    work, subscription = call.work, _get(call)
    if subscription["status"] in ENDED:
        raise invalid_request(
            message=f"A canceled subscription can only update its cancellation_details and metadata ({subscription['id']}).",
        )
    _write(call, subscription)
    if "cancel_at_period_end" in call.params:
        ends = call.params["cancel_at_period_end"]
        at = min(item["current_period_end"] for item in subscription["items"]["data"]) if ends else None
        subscription |= {"cancel_at": at, "canceled_at": work.created if ends else None}
        subscription["cancellation_details"]["reason"] = "cancellation_requested" if ends else None
    subscription["cancellation_details"] |= call.params.get("cancellation_details", {})
    subscription |= call.changes("pause_collection")
    restarts = _write_items(call, subscription)
    if call.params.get("trial_end") == "now" and subscription["status"] == "trialing":
        subscription["trial_end"] = work.created
        restarts = True
    elif "trial_end" in call.params:
        subscription |= {"status": "trialing", "trial_end": call.params["trial_end"]}
        subscription["trial_start"] = subscription["trial_start"] or work.created
        subscription["billing_cycle_anchor"] = call.params["trial_end"]
        for item in subscription["items"]["data"]:
            item["current_period_end"] = call.params["trial_end"]
    if restarts:
        restart_now(work=work, subscription=subscription)
    return work.save(subscription, event="customer.subscription.updated", tells_difference=True)


def _cancel(call: Call) -> Json:
    subscription = _get(call)
    end(work=call.work, subscription=subscription, at=call.work.created)
    return subscription


def _resume(call: Call) -> Json:
    subscription = _get(call)
    resume(work=call.work, subscription=subscription)
    return subscription


def _list(call: Call) -> Json:
    facets = {"customer": call.params.get("customer")}
    wanted = call.params.get("status")
    statuses = tuple(status for status in _STATUSES if status not in ("all", "ended", *ENDED))
    if wanted == "ended":
        statuses = ENDED
    elif wanted not in (None, "all"):
        statuses = (wanted,)
    return list_objects(
        call=call,
        kind="subscription",
        url="/v1/subscriptions",
        facets=facets,
        facet_choices=None if wanted == "all" else {"status": statuses},
    )


def _list_invoices(call: Call) -> Json:
    facets = {name: call.params.get(name) for name in ("customer", "subscription", "status")}
    return list_objects(call=call, kind="invoice", url="/v1/invoices", facets=facets)


def _retrieve_invoice(call: Call) -> Json:
    return call.work.get("invoice", call.ids["invoice"], param="invoice")


def _pay_invoice(call: Call) -> Json:
    invoice = _retrieve_invoice(call)
    pay(work=call.work, invoice=invoice, method=call.params.get("payment_method"))
    return invoice


def _write(call: Call, subscription: Json) -> None:
    params = call.params
    subscription |= call.changes("cancel_at_period_end", "collection_method", "days_until_due", "description")
    if subscription["collection_method"] == "send_invoice" and subscription["days_until_due"] is None:
        raise invalid_request(
            message="You must provide `days_until_due` or `due_date` when collection_method is `send_invoice`.",
            param="days_until_due",
        )
    if "metadata" in params:
        subscription["metadata"] = merge_metadata(current=subscription["metadata"], changes=params["metadata"])
    if "trial_settings" in params:
        subscription["trial_settings"] = params["trial_settings"]
    if "default_payment_method" in params:
        subscription["default_payment_method"] = _method(call, subscription, params["default_payment_method"])


def _method(call: Call, subscription: Json, reference: str | None) -> str | None:
    if reference is None:
        return None
    method = resolve_method(work=call.work, reference=reference, param="default_payment_method")
    if method["customer"] != subscription["customer"]:
        raise invalid_request(
            message=f"The customer does not have a payment method with the ID {reference}. The payment method must be "
            "attached to the customer.",
            param="default_payment_method",
            code="resource_missing",
        )
    return str(method["id"])


def _write_items(call: Call, subscription: Json) -> bool:
    """Change, add and remove items; tell whether the interval is another one, so that a new period begins."""
    held: list[Json] = subscription["items"]["data"]
    before = _interval(held[0]["price"])
    by_id = {item["id"]: item for item in held}
    first = Period(held[0]["current_period_start"], held[0]["current_period_end"])
    for asked in call.params.get("items", ()):
        item = by_id.get(asked.get("id"))
        if item is None and "id" in asked:
            raise invalid_request(message=f"No such subscription_item: '{asked['id']}'", param="items[0][id]")
        if item is None:
            price = _price(call, asked["price"])
            held.append(_new_item(call, subscription, price=price, asked=asked, period=first))
            continue
        if asked.get("deleted"):
            held.remove(item)
            continue
        if "price" in asked:
            item["price"] = _price(call, asked["price"])
        item["quantity"] = asked.get("quantity", item["quantity"])
    if len({(item["price"]["currency"], *_interval(item["price"])) for item in held}) != 1:
        raise invalid_request(
            message="The items that are left must have one currency and one interval, and there must be one.",
            param="items",
        )
    return _interval(held[0]["price"]) != before


def _new_item(call: Call, subscription: Json, *, price: Json, asked: Json, period: Period) -> Json:
    item = new_item(
        subscription=subscription["id"],
        price=price,
        quantity=asked.get("quantity", 1),
        period=period,
        created=call.work.created,
    )
    item["metadata"] = merge_metadata(current={}, changes=asked.get("metadata", {}))
    return item


def _price(call: Call, price_id: str) -> Json:
    """Return a copy of the price, as the item holds it."""
    return dict(call.work.get("price", price_id, param="items[0][price]"))


def _interval(price: Json) -> tuple[str, int]:
    return price["recurring"]["interval"], price["recurring"]["interval_count"]


def _trial_end(call: Call) -> int | None:
    params = call.params
    if "trial_end" in params and "trial_period_days" in params:
        raise invalid_request(
            message="You may only specify one of these parameters: trial_end, trial_period_days.", param="trial_end"
        )
    if "trial_period_days" in params:
        return call.work.created + int(params["trial_period_days"]) * _DAY
    given = params.get("trial_end", "now")
    return None if given == "now" else int(given)


def _get(call: Call) -> Json:
    return call.work.get("subscription", call.ids["subscription"], param="id")


ROUTES = (
    Route("POST", "/v1/subscriptions", _create, _CREATE, required=("customer", "items")),
    Route("GET", "/v1/subscriptions", _list, {**PAGE_WITH_AGE, "customer": Text(), "status": Choice(_STATUSES)}),
    Route("GET", "/v1/subscriptions/{subscription}", _retrieve),
    Route("POST", "/v1/subscriptions/{subscription}", _update, _UPDATE),
    Route("DELETE", "/v1/subscriptions/{subscription}", _cancel, {"invoice_now": Boolean(), "prorate": Boolean()}),
    Route(
        "POST",
        "/v1/subscriptions/{subscription}/resume",
        _resume,
        {"billing_cycle_anchor": Choice(("now", "unchanged"))},
    ),
    Route(
        "GET",
        "/v1/invoices",
        _list_invoices,
        {
            **PAGE_WITH_AGE,
            "customer": Text(),
            "status": Choice(("draft", "open", "paid", "uncollectible", "void")),
            "subscription": Text(),
        },
    ),
    Route("GET", "/v1/invoices/{invoice}", _retrieve_invoice),
    Route("POST", "/v1/invoices/{invoice}/pay", _pay_invoice, {"off_session": Boolean(), "payment_method": Text()}),
)
