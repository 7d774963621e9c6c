"""The 3D Secure page: two plain buttons, and the way back to the shop."""

import hmac
from urllib.parse import parse_qs, urlencode, urlsplit, urlunsplit

from sandbox.currencies import format_amount
from sandbox.hidden import hidden
from sandbox.json_types import Json
from sandbox.pages.rendering import page
from sandbox.payments.challenge import end_challenge, find_challenge
from sandbox.wire.messages import Request, Response
from sandbox.work import Work
from sandbox.workbench import Workbench

_PAID = ("succeeded", "requires_capture", "requires_confirmation", "processing")


def answer_challenge(*, request: Request, workbench: Workbench) -> Response:
    """Show the page (GET), or take the customer's decision (POST) and send the browser back to the shop.

    The client secret in the address is what lets the browser in.
    """
    with workbench.work() as work:
        intent = _find(work, request=request)
        if intent is None:
            return page(template="missing.html", http_status=404, reason="There is no such payment or setup.")
        if request.method == "POST" and intent["status"] == "requires_action":
            outcome = parse_qs(request.body.decode("utf-8", "replace")).get("outcome", [""])[0]
            if outcome not in ("complete", "fail"):
                return page(template="missing.html", http_status=400, reason="The form must say complete or fail.")
            return_url = hidden(intent).get("return_url")
            end_challenge(work=work, intent=intent, is_passed=outcome == "complete")
            if return_url is not None:
                return Response(303, b"", {"location": _way_back(intent, return_url=return_url)})
        return _show(request, intent=intent)


def _find(work: Work, *, request: Request) -> Json | None:
    intent = find_challenge(work=work, intent_id=request.path.removeprefix("/3ds/"))
    given = parse_qs(request.query).get("client_secret", [""])[0]
    if intent is None or not hmac.compare_digest(given.encode(), intent["client_secret"].encode()):
        return None
    return intent


def _show(request: Request, *, intent: Json) -> Response:
    amount = None
    if intent["object"] == "payment_intent":
        currency = intent["currency"]
        amount = f"{format_amount(amount=intent['amount'], currency=currency)} {currency.upper()}"
    return page(
        template="challenge.html",
        action=f"{request.path}?{request.query}",
        amount=amount,
        intent_id=intent["id"],
        is_waiting=intent["status"] == "requires_action",
        noun=intent["object"].replace("_", " "),
        status=intent["status"],
    )


def _way_back(intent: Json, *, return_url: str) -> str:
    """Return the shop's address with what Stripe tells it: which intent, its secret, and how it went."""
    told = urlencode(
        {
            intent["object"]: intent["id"],
            f"{intent['object']}_client_secret": intent["client_secret"],
            "redirect_status": "succeeded" if intent["status"] in _PAID else "failed",
        }
    )
    parts = urlsplit(return_url)
    return urlunsplit(parts._replace(query=f"{parts.query}&{told}" if parts.query else told))
