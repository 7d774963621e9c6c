"""The table of routes."""

from sandbox.api.application import _ROUTES


def test_a_fixed_name_wins_over_an_identifier() -> None:
    found = _ROUTES.find(method="GET", path="/v1/payment_intents/search")

    assert found is not None
    assert found[0].path == "/v1/payment_intents/search"
    assert found[2] == {}


def test_identifiers_are_taken_from_the_address() -> None:
    found = _ROUTES.find(method="POST", path="/v1/payment_intents/pi_1/confirm")

    assert found is not None
    assert found[2] == {"intent": "pi_1"}


def test_other_methods_and_lengths_are_not_found() -> None:
    assert _ROUTES.find(method="DELETE", path="/v1/payment_intents/pi_1") is None
    assert _ROUTES.find(method="GET", path="/v1/payment_intents/pi_1/confirm/now") is None
