"""3D Secure: when it is asked for, how it starts, and where its page is."""

from urllib.parse import urlencode

from sandbox.cards import Authentication, Card
from sandbox.hidden import hidden
from sandbox.identifiers import new_id
from sandbox.json_types import Json
from sandbox.work import Work


def payment_needs_authentication(*, card: Card, method: Json, is_off_session: bool, is_requested: bool) -> bool:
    """Tell whether a payment needs 3D Secure now.

    `is_requested` is the merchant's own wish (`request_three_d_secure`).
    """
    match card.authentication:
        case Authentication.ALWAYS:
            return True
        case Authentication.ON_SESSION:
            return not is_off_session
        case Authentication.UNLESS_SET_UP:
            return not (is_off_session and hidden(method).get("is_set_up", False))
        case Authentication.ON_REQUEST:
            return is_requested
        case _:
            return False


def setup_needs_authentication(*, card: Card, is_requested: bool) -> bool:
    """Tell whether setting a card up for later needs 3D Secure."""
    needs = {Authentication.ALWAYS, Authentication.ON_SESSION, Authentication.UNLESS_SET_UP}
    return card.authentication in needs or (card.authentication is Authentication.ON_REQUEST and is_requested)


def ask_for_authentication(*, work: Work, intent: Json, return_url: str | None, use_sdk: bool) -> None:
    """Put an intent into `requires_action` and say where the customer goes."""
    page = f"{work.base_url}/3ds/{intent['id']}?{urlencode({'client_secret': intent['client_secret']})}"
    if return_url is not None and not use_sdk:
        intent["next_action"] = {
            "redirect_to_url": {"return_url": return_url, "url": page},
            "type": "redirect_to_url",
        }
    else:
        intent["next_action"] = {
            "type": "use_stripe_sdk",
            "use_stripe_sdk": {
                "source": new_id(prefix="src"),
                "stripe_js": page,
                "type": "three_d_secure_redirect",
            },
        }
    intent["status"] = "requires_action"
    hidden(intent)["return_url"] = return_url
    work.save(intent, event=f"{intent['object']}.requires_action")
