from pathlib import Path

from local.data_dir import DataDir
from local.embedded import PORT_NAMES, Addresses, EmbeddedServers
from local.installation import Secrets
from local.options import OwnServers

PORTS = {name: 20_000 + number for number, name in enumerate(PORT_NAMES)}
SECRETS = Secrets()


def planned(environment: dict[str, str]) -> tuple[EmbeddedServers, Addresses]:
    own = OwnServers.from_environment(environment)
    embedded = EmbeddedServers.planned(
        data_dir=DataDir(Path("/data")), own=own, secrets=SECRETS, ports=PORTS, cards=None
    )
    return embedded, Addresses.of(embedded=embedded, own=own)


def test_everything_is_embedded_where_nothing_is_set() -> None:
    embedded, addresses = planned({})

    assert None not in (embedded.postgres, embedded.broker, embedded.credits, embedded.sandbox)
    assert addresses.database_url == f"postgresql://postgres:{SECRETS.postgres_password}@127.0.0.1:20000/billing"
    assert addresses.broker_url == f"redis://:{SECRETS.broker_password}@127.0.0.1:20001/0"
    assert addresses.redis_url == f"redis://:{SECRETS.broker_password}@127.0.0.1:20001/1"
    assert addresses.credits_url == f"redis://:{SECRETS.credits_password}@127.0.0.1:20002/0"


def test_each_part_that_is_set_is_not_started() -> None:
    embedded, addresses = planned({"DATABASE_URL": "postgresql://mine/b", "REDIS_CREDITS_URL": "redis://mine/4"})

    assert embedded.postgres is None
    assert embedded.credits is None
    assert embedded.broker is not None
    assert (addresses.database_url, addresses.credits_url) == ("postgresql://mine/b", "redis://mine/4")


def test_one_redis_address_is_enough_for_broker_and_locks() -> None:
    _, only_redis = planned({"REDIS_URL": "redis://mine:1/3"})
    _, only_broker = planned({"CELERY_BROKER_URL": "redis://me:pw@mine:1/0"})

    # The settings derive the broker's database from REDIS_URL themselves.
    assert (only_redis.redis_url, only_redis.broker_url) == ("redis://mine:1/3", None)
    assert (only_broker.redis_url, only_broker.broker_url) == ("redis://me:pw@mine:1/1", "redis://me:pw@mine:1/0")
