"""Identifiers and secrets."""

from datetime import UTC, datetime

import time_machine

from sandbox.identifiers import new_client_secret, new_id, new_signing_secret


def test_identifiers_have_a_prefix_and_do_not_repeat() -> None:
    made = {new_id(prefix="pi") for _ in range(1000)}

    assert len(made) == 1000
    assert all(name.startswith("pi_") and len(name) == 27 and name[3:].isalnum() for name in made)


def test_a_client_secret_names_its_intent() -> None:
    assert new_client_secret(object_id="pi_1").startswith("pi_1_secret_")


def test_identifiers_sort_by_age() -> None:
    earlier = new_id(prefix="evt")
    with time_machine.travel(datetime(2390, 1, 1, tzinfo=UTC)):
        later = new_id(prefix="evt")

    assert earlier < later


def test_a_signing_secret_is_long() -> None:
    assert len(new_signing_secret()) == len("whsec_") + 32
