"""Stripe, through its own SDK: the only module that imports it.

Which failure means what follows Stripe's documentation on errors and idempotent requests: 400 and 404 are a refusal that
saved nothing, 402 is a decline that is saved under the key, 409, 429, 5xx and a broken connection leave the outcome unknown,
to be settled by asking again under the same key.
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from functools import partial
from typing import Any, TypeVar

import stripe
import structlog
from pydantic import BaseModel, ValidationError

from billing.errors import Declined
from billing.gateways.errors import (
    GatewayAnswerNotUnderstood,
    GatewayCalledInTransaction,
    GatewayKeyReused,
    GatewayObjectMissing,
    GatewayRefused,
    GatewayUnavailable,
)
from billing.gateways.snapshots import (
    BalanceEntrySnapshot,
    CreatedWindow,
    CustomerDetails,
    CustomerSnapshot,
    DisputeSnapshot,
    IntentSnapshot,
    PageSnapshot,
    PaymentMethodSnapshot,
    RefundSnapshot,
    SetupIntentSnapshot,
)
from billing.gateways.stripe_subscriptions import StripeSubscriptions
from billing.metrics import GATEWAY_CALLS, GATEWAY_SECONDS
from billing.payments.declines import explain
from billing.unit_of_work import inside_transaction
from models.money import Money

# The SDK repeats a call once by itself; anything longer is ours to repeat, from the row, without holding a worker.
_SDK_RETRIES = 1
_REFUND_PAGE = 100
_REFUND_PAGES_MAX = 20
_EVENT_PAGE = 100

S = TypeVar("S", bound=BaseModel)
log = structlog.get_logger(__name__)


class StripeGateway:
    """The payment gateway: Stripe, or whatever answers at `api_base` as Stripe does.

    Every call that creates something takes the idempotency key of a committed row. Every call raises GatewayUnavailable when
    its outcome is unknown, GatewayRefused when the request was refused, and GatewayCalledInTransaction while a database
    transaction is open. A decline is no exception where the answer carries the object: it is in the snapshot.
    """

    def __init__(self, *, api_key: str, api_base: str, timeout_seconds: float) -> None:
        self._client = stripe.StripeClient(
            api_key,
            base_addresses={"api": api_base},
            max_network_retries=_SDK_RETRIES,
            http_client=stripe.RequestsClient(timeout=timeout_seconds),
        )
        self.subscriptions = StripeSubscriptions(self._client.v1.subscriptions, call=self._call)

    def create_customer(self, *, customer_id: str, idempotency_key: str) -> CustomerSnapshot:
        """Create the customer with nothing but our id: what may change later would make a repetition differ."""
        params = {"metadata": {"customer_id": customer_id}}
        return self._call(
            "customer.create",
            CustomerSnapshot,
            lambda: self._client.v1.customers.create(_params(params), _key(idempotency_key)),
        )

    def update_customer(self, *, gateway_id: str, details: CustomerDetails) -> CustomerSnapshot:
        """Replace e-mail, name and address; harmless to repeat."""
        params = {
            "email": details.email,
            "name": details.name or "",
            "address": {part: value or "" for part, value in details.address.items()},
        }
        return self._call(
            "customer.update",
            CustomerSnapshot,
            lambda: self._client.v1.customers.update(gateway_id, _params(params)),
        )

    def set_default_payment_method(self, *, gateway_id: str, payment_method: str | None) -> CustomerSnapshot:
        """Set, or with None clear, the payment method that invoices are charged to; harmless to repeat."""
        params = {"invoice_settings": {"default_payment_method": payment_method or ""}}
        return self._call(
            "customer.update",
            CustomerSnapshot,
            lambda: self._client.v1.customers.update(gateway_id, _params(params)),
        )

    def get_customer(self, *, gateway_id: str) -> CustomerSnapshot:
        """Fetch the customer as it stands."""
        return self._call("customer.retrieve", CustomerSnapshot, lambda: self._client.v1.customers.retrieve(gateway_id))

    def create_intent(
        self, *, amount: Money, gateway_customer: str, params: Mapping[str, Any], idempotency_key: str
    ) -> IntentSnapshot:
        """Create a payment intent, confirmed at once when `params` say so."""
        body = {
            "amount": amount.amount_minor,
            "currency": amount.currency.lower(),
            "customer": gateway_customer,
            **params,
        }
        return self._call(
            "payment_intent.create",
            IntentSnapshot,
            lambda: self._client.v1.payment_intents.create(_params(body), _key(idempotency_key)),
        )

    def confirm_intent(self, *, gateway_id: str, params: Mapping[str, Any], idempotency_key: str) -> IntentSnapshot:
        """Confirm a payment intent with a payment method."""
        return self._call(
            "payment_intent.confirm",
            IntentSnapshot,
            lambda: self._client.v1.payment_intents.confirm(gateway_id, _params(params), _key(idempotency_key)),
        )

    def capture_intent(self, *, gateway_id: str, amount_minor: int | None, idempotency_key: str) -> IntentSnapshot:
        """Take what was reserved, or a part of it (the rest is given back)."""
        params = {} if amount_minor is None else {"amount_to_capture": amount_minor}
        return self._call(
            "payment_intent.capture",
            IntentSnapshot,
            lambda: self._client.v1.payment_intents.capture(gateway_id, _params(params), _key(idempotency_key)),
        )

    def cancel_intent(self, *, gateway_id: str, idempotency_key: str) -> IntentSnapshot:
        """Cancel a payment intent that has not succeeded."""
        return self._call(
            "payment_intent.cancel",
            IntentSnapshot,
            lambda: self._client.v1.payment_intents.cancel(gateway_id, None, _key(idempotency_key)),
        )

    def get_intent(self, *, gateway_id: str) -> IntentSnapshot:
        """Fetch the payment intent as it stands."""
        return self._call(
            "payment_intent.retrieve", IntentSnapshot, lambda: self._client.v1.payment_intents.retrieve(gateway_id)
        )

    def find_intent(self, *, payment_id: str) -> IntentSnapshot | None:
        """Search for the payment intent that names our payment; a search lags behind by about a minute."""
        query = {"query": f"metadata['payment_id']:'{payment_id}'", "limit": 2}
        search = partial(self._client.v1.payment_intents.search, _params(query))
        found = self._call("payment_intent.search", PageSnapshot, search).data
        if len(found) > 1:
            raise GatewayAnswerNotUnderstood(f"more than one payment intent names {payment_id}")
        return _understood(IntentSnapshot, found[0]) if found else None

    def create_refund(
        self, *, gateway_intent: str, amount_minor: int, reason: str | None, refund_id: str, idempotency_key: str
    ) -> RefundSnapshot:
        """Give back a part or all of a captured payment."""
        params = {
            "payment_intent": gateway_intent,
            "amount": amount_minor,
            "metadata": {"refund_id": refund_id},
            **({} if reason is None else {"reason": reason}),
        }
        return self._call(
            "refund.create",
            RefundSnapshot,
            lambda: self._client.v1.refunds.create(_params(params), _key(idempotency_key)),
        )

    def list_refunds(self, *, gateway_intent: str) -> list[RefundSnapshot]:
        """Fetch all refunds of a payment intent, newest first."""
        found: list[RefundSnapshot] = []
        for _ in range(_REFUND_PAGES_MAX):
            after = {"starting_after": found[-1].id} if found else {}
            params = {"payment_intent": gateway_intent, "limit": _REFUND_PAGE, **after}
            page = self._call("refund.list", PageSnapshot, partial(self._client.v1.refunds.list, _params(params)))
            found += [_understood(RefundSnapshot, item) for item in page.data]
            if not page.has_more:
                return found
        raise GatewayAnswerNotUnderstood(f"{gateway_intent} has more than {len(found)} refunds")

    def get_refund(self, *, gateway_id: str) -> RefundSnapshot:
        """Fetch the refund as it stands."""
        return self._call("refund.retrieve", RefundSnapshot, lambda: self._client.v1.refunds.retrieve(gateway_id))

    def get_dispute(self, *, gateway_id: str) -> DisputeSnapshot:
        """Fetch the dispute as it stands."""
        return self._call("dispute.retrieve", DisputeSnapshot, lambda: self._client.v1.disputes.retrieve(gateway_id))

    def add_evidence(
        self, *, gateway_id: str, evidence: Mapping[str, str], submit: bool, idempotency_key: str
    ) -> DisputeSnapshot:
        """Add texts to a dispute's evidence; with `submit` all that is there goes to the bank."""
        params = {"submit": submit, **({"evidence": dict(evidence)} if evidence else {})}
        return self._call(
            "dispute.update",
            DisputeSnapshot,
            lambda: self._client.v1.disputes.update(gateway_id, _params(params), _key(idempotency_key)),
        )

    def get_payment_method(self, *, gateway_id: str) -> PaymentMethodSnapshot:
        """Fetch the payment method as it stands."""
        return self._call(
            "payment_method.retrieve",
            PaymentMethodSnapshot,
            lambda: self._client.v1.payment_methods.retrieve(gateway_id),
        )

    def attach_payment_method(
        self, *, gateway_id: str, gateway_customer: str, idempotency_key: str
    ) -> PaymentMethodSnapshot:
        """Attach a payment method to a customer. Raises Declined when the issuer refuses the card."""
        params = {"customer": gateway_customer}
        return self._call(
            "payment_method.attach",
            PaymentMethodSnapshot,
            lambda: self._client.v1.payment_methods.attach(gateway_id, _params(params), _key(idempotency_key)),
        )

    def detach_payment_method(self, *, gateway_id: str, idempotency_key: str) -> PaymentMethodSnapshot:
        """Detach a payment method from its customer, for good."""
        return self._call(
            "payment_method.detach",
            PaymentMethodSnapshot,
            lambda: self._client.v1.payment_methods.detach(gateway_id, None, _key(idempotency_key)),
        )

    def create_setup_intent(
        self, *, gateway_customer: str, setup_intent_id: str, idempotency_key: str
    ) -> SetupIntentSnapshot:
        """Create a setup intent for charges without the customer present."""
        params = {
            "customer": gateway_customer,
            "usage": "off_session",
            "automatic_payment_methods": {"enabled": "true"},
            "metadata": {"setup_intent_id": setup_intent_id},
        }
        return self._call(
            "setup_intent.create",
            SetupIntentSnapshot,
            lambda: self._client.v1.setup_intents.create(_params(params), _key(idempotency_key)),
        )

    def confirm_setup_intent(
        self, *, gateway_id: str, params: Mapping[str, Any], idempotency_key: str
    ) -> SetupIntentSnapshot:
        """Confirm a setup intent with a payment method."""
        return self._call(
            "setup_intent.confirm",
            SetupIntentSnapshot,
            lambda: self._client.v1.setup_intents.confirm(gateway_id, _params(params), _key(idempotency_key)),
        )

    def get_setup_intent(self, *, gateway_id: str) -> SetupIntentSnapshot:
        """Fetch the setup intent as it stands."""
        return self._call(
            "setup_intent.retrieve", SetupIntentSnapshot, lambda: self._client.v1.setup_intents.retrieve(gateway_id)
        )

    def list_events(self, *, since: datetime, after: str | None) -> tuple[list[dict[str, Any]], bool]:
        """Fetch a page of events created since then, newest first, older than the event `after`; say whether more follow.

        Stripe lists the events of the past 30 days.
        """
        older = {} if after is None else {"starting_after": after}
        params = {"limit": _EVENT_PAGE, "created": {"gte": int(since.timestamp())}, **older}
        page = self._call("event.list", PageSnapshot, partial(self._client.v1.events.list, _params(params)))
        return page.data, page.has_more

    def page_of_intents(self, *, window: CreatedWindow, after: str | None) -> tuple[list[IntentSnapshot], bool]:
        """Fetch a page of payment intents, newest first, older than `after`; say whether more follow."""
        fetch = self._client.v1.payment_intents.list
        return self._page(IntentSnapshot, fetch, name="payment_intent", window=window, more=_after(after))

    def page_of_refunds(self, *, window: CreatedWindow, after: str | None) -> tuple[list[RefundSnapshot], bool]:
        """Fetch a page of refunds, newest first, older than `after`; say whether more follow."""
        fetch = self._client.v1.refunds.list
        return self._page(RefundSnapshot, fetch, name="refund", window=window, more=_after(after))

    def page_of_disputes(self, *, window: CreatedWindow, after: str | None) -> tuple[list[DisputeSnapshot], bool]:
        """Fetch a page of disputes, newest first, older than `after`; say whether more follow."""
        fetch = self._client.v1.disputes.list
        return self._page(DisputeSnapshot, fetch, name="dispute", window=window, more=_after(after))

    def page_of_entries(self, *, window: CreatedWindow, after: str | None) -> tuple[list[BalanceEntrySnapshot], bool]:
        """Fetch a page of balance transactions with their sources, newest first, older than `after`; say whether more follow."""
        fetch, more = self._client.v1.balance_transactions.list, {**_after(after), "expand": ["data.source"]}
        return self._page(BalanceEntrySnapshot, fetch, name="balance_transaction", window=window, more=more)

    def get_entry(self, *, gateway_id: str) -> BalanceEntrySnapshot:
        """Fetch a balance transaction with its source."""
        params = _params({"expand": ["source"]})
        return self._call(
            "balance_transaction.retrieve",
            BalanceEntrySnapshot,
            lambda: self._client.v1.balance_transactions.retrieve(gateway_id, params),
        )

    def ping(self) -> None:
        """Ask a cheap question that proves address and key."""
        self._ask("customer.list", lambda: self._client.v1.customers.list({"limit": 1}))

    def _page(
        self,
        snapshot: type[S],
        fetch: Callable[[Any], Any],
        *,
        name: str,
        window: CreatedWindow,
        more: Mapping[str, Any],
    ) -> tuple[list[S], bool]:
        created = {"gte": int(window.since.timestamp()), "lt": int(window.until.timestamp())}
        params = _params({"limit": window.page_size, "created": created, **more})
        page = self._call(f"{name}.list", PageSnapshot, partial(fetch, params))
        return [_understood(snapshot, item) for item in page.data], page.has_more

    def _call(self, name: str, snapshot: type[S], call: Callable[[], Any]) -> S:
        return _understood(snapshot, self._ask(name, call))

    def _ask(self, name: str, call: Callable[[], Any]) -> dict[str, Any]:
        if inside_transaction():
            raise GatewayCalledInTransaction(f"{name} was about to be called while a database transaction is open")
        with GATEWAY_SECONDS.labels(call=name).time():
            try:
                answer = call()
            except stripe.StripeError as error:
                GATEWAY_CALLS.labels(call=name, outcome=type(error).__name__).inc()
                log.warning("gateway.call_failed", call=name, **_facts(error))
                return _answer_within(error)
        if not isinstance(answer, stripe.StripeObject):  # the SDK passes on whatever JSON there is
            GATEWAY_CALLS.labels(call=name, outcome=GatewayAnswerNotUnderstood.__name__).inc()
            raise GatewayAnswerNotUnderstood(f"the gateway's answer to {name} is no object")
        GATEWAY_CALLS.labels(call=name, outcome="ok").inc()
        found: dict[str, Any] = answer.to_dict()
        return found


def _answer_within(error: stripe.StripeError) -> dict[str, Any]:
    """Return the object that a decline carries; raise what any other failure means."""
    body = error.json_body if isinstance(error.json_body, dict) else {}
    described = body.get("error")
    fault: dict[str, Any] = described if isinstance(described, dict) else {}
    message = str(fault.get("message") or error.user_message or type(error).__name__)
    if isinstance(error, stripe.CardError):
        for embedded in ("payment_intent", "setup_intent"):
            if isinstance(fault.get(embedded), dict):
                return dict(fault[embedded])
        reason = str(fault.get("decline_code") or fault.get("code") or "generic_decline")
        raise Declined(message, extensions={"decline": explain(reason).representation()})
    if isinstance(error, stripe.IdempotencyError):
        raise GatewayKeyReused(message)
    if isinstance(error, stripe.InvalidRequestError) and error.http_status in {400, 404}:
        kind = GatewayObjectMissing if error.code == "resource_missing" else GatewayRefused
        raise kind(message, gateway_code=error.code, parameter=error.param)
    raise GatewayUnavailable("the payment gateway did not give an answer that settles the request") from error


def _understood(snapshot: type[S], answer: Mapping[str, Any]) -> S:
    try:
        return snapshot.model_validate(answer)
    except ValidationError as error:
        where = ", ".join(".".join(str(part) for part in fault["loc"]) for fault in error.errors())
        raise GatewayAnswerNotUnderstood(
            f"the gateway's {snapshot.__name__.removesuffix('Snapshot')} is not as documented at: {where}"
        ) from None


def _facts(error: stripe.StripeError) -> dict[str, object]:
    return {
        "error": type(error).__name__,
        "status": error.http_status,
        "code": error.code,
        "gateway_request_id": error.request_id,
    }


def _after(after: str | None) -> dict[str, str]:
    """Return the parameter that lets a page begin behind an object."""
    return {"starting_after": after} if after else {}


def _params(params: Mapping[str, Any]) -> Any:
    """Return the parameters as the SDK takes them: its own TypedDicts cannot be built up piece by piece."""
    return dict(params)


def _key(idempotency_key: str) -> stripe.RequestOptions:
    return {"idempotency_key": idempotency_key}
