from pathlib import Path

import pytest

from local.data_dir import DataDir
from local.errors import Misconfigured
from local.options import OwnServers, StackOptions

STRIPE = {
    "STRIPE_SECRET_KEY": "sk_test_mine",
    "STRIPE_PUBLISHABLE_KEY": "pk_test_mine",
    "STRIPE_WEBHOOK_SECRET": "whsec_mine",
}


def options(host: str) -> StackOptions:
    return StackOptions(
        data_dir=DataDir(Path("/data")),
        host=host,
        port=3005,
        log_level="INFO",
        procfile=Path("/project/Procfile"),
        project_root=Path("/project"),
    )


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("127.0.0.1", "http://127.0.0.1:3005"),
        ("0.0.0.0", "http://127.0.0.1:3005"),
        ("192.168.1.5", "http://192.168.1.5:3005"),
        ("::1", "http://[::1]:3005"),
    ],
)
def test_the_api_is_reached_where_this_machine_can(host: str, url: str) -> None:
    assert options(host).api_url == url


def test_an_empty_variable_counts_as_not_set() -> None:
    own = OwnServers.from_environment({"DATABASE_URL": "", "REDIS_URL": "redis://here"})

    assert own.database_url is None
    assert own.has_broker


def test_a_broker_of_its_own_is_enough() -> None:
    assert OwnServers.from_environment({"CELERY_BROKER_URL": "redis://here"}).has_broker
    assert not OwnServers.from_environment({"REDIS_CREDITS_URL": "redis://here"}).has_broker


def test_a_stripe_key_needs_what_belongs_to_it() -> None:
    assert OwnServers.from_environment(STRIPE).stripe_secret_key == "sk_test_mine"
    for missing in ("STRIPE_PUBLISHABLE_KEY", "STRIPE_WEBHOOK_SECRET"):
        with pytest.raises(Misconfigured, match=missing):
            OwnServers.from_environment({**STRIPE, missing: ""})
