"""When a card asks for 3D Secure."""

import pytest

from sandbox.cards import Authentication, Card
from sandbox.hidden import hidden
from sandbox.json_types import Json
from sandbox.payments.authentication import payment_needs_authentication, setup_needs_authentication


def _card(authentication: Authentication) -> Card:
    return Card(number="4242424242424242", brand="visa", authentication=authentication)


@pytest.mark.parametrize(
    ("authentication", "on_session", "off_session", "off_session_after_setup", "on_request"),
    [
        (Authentication.NEVER, False, False, False, False),
        (Authentication.UNSUPPORTED, False, False, False, False),
        (Authentication.ON_REQUEST, False, False, False, True),
        (Authentication.ON_SESSION, True, False, False, True),
        (Authentication.UNLESS_SET_UP, True, True, False, True),
        (Authentication.ALWAYS, True, True, True, True),
    ],
)
def test_a_payment_asks_as_the_card_says(
    authentication: Authentication,
    on_session: bool,
    off_session: bool,
    off_session_after_setup: bool,
    on_request: bool,
) -> None:
    card = _card(authentication)
    fresh: Json = {}
    set_up: Json = {}
    hidden(set_up)["is_set_up"] = True

    def asks(method: Json, *, is_off_session: bool, is_requested: bool = False) -> bool:
        return payment_needs_authentication(
            card=card, method=method, is_off_session=is_off_session, is_requested=is_requested
        )

    assert asks(fresh, is_off_session=False) is on_session
    assert asks(fresh, is_off_session=True) is off_session
    assert asks(set_up, is_off_session=True) is off_session_after_setup
    assert asks(fresh, is_off_session=False, is_requested=True) is on_request


def test_setting_up_asks_for_cards_that_will_need_it() -> None:
    asking = {
        authentication
        for authentication in Authentication
        if setup_needs_authentication(card=_card(authentication), is_requested=False)
    }

    assert asking == {Authentication.ALWAYS, Authentication.ON_SESSION, Authentication.UNLESS_SET_UP}
