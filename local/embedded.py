"""Which servers of its own a stack has, and where they are."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from local.data_dir import DataDir
from local.installation import Secrets
from local.options import OwnServers
from local.outside import require_postgres, require_redis
from local.postgres import PostgresServer
from local.sandbox import SandboxServer
from local.valkey import ValkeyServer

LOCKS_DB = 1
PORT_NAMES = ["postgres", "valkey-broker", "valkey-credits", "sandbox", "flower"]


@dataclass(frozen=True, kw_only=True)
class EmbeddedServers:
    """The embedded servers; None where the user brought one."""

    postgres: PostgresServer | None
    broker: ValkeyServer | None
    credits: ValkeyServer | None
    sandbox: SandboxServer | None

    @classmethod
    def planned(
        cls, *, data_dir: DataDir, own: OwnServers, secrets: Secrets, ports: Mapping[str, int], cards: Path | None
    ) -> "EmbeddedServers":
        """Plan a server for each part that the user did not bring. Nothing is started."""

        def valkey(name: str, password: str, *, is_record: bool) -> ValkeyServer:
            return ValkeyServer(
                name=name,
                data_dir=data_dir.server_dir(name=name),
                port=ports[name],
                password=password,
                # The broker's messages are hints that a sweeper repeats; the credits server is a record.
                fsync="always" if is_record else "everysec",
                log_path=data_dir.log_path(name=name),
            )

        postgres = PostgresServer(
            data_dir=data_dir.server_dir(name="postgres"),
            port=ports["postgres"],
            password=secrets.postgres_password,
            log_path=data_dir.log_path(name="postgres"),
        )
        sandbox = SandboxServer(
            data_dir=data_dir.server_dir(name="sandbox"),
            port=ports["sandbox"],
            secret_key=secrets.stripe_secret_key,
            log_path=data_dir.log_path(name="sandbox"),
            cards=cards,
        )
        return cls(
            postgres=postgres if own.database_url is None else None,
            broker=None if own.has_broker else valkey("valkey-broker", secrets.broker_password, is_record=False),
            credits=valkey("valkey-credits", secrets.credits_password, is_record=True)
            if own.credits_url is None
            else None,
            sandbox=sandbox if own.stripe_secret_key is None else None,
        )


@dataclass(frozen=True, kw_only=True)
class Addresses:
    """Where Postgres and the Redis roles are. `broker_url` None: the settings derive it from `redis_url`."""

    database_url: str
    broker_url: str | None
    redis_url: str
    credits_url: str

    @classmethod
    def of(cls, *, embedded: EmbeddedServers, own: OwnServers) -> "Addresses":
        """Put together the user's addresses and ours."""
        broker_url = embedded.broker.url() if embedded.broker is not None else own.broker_url
        redis_url = own.redis_url or urlsplit(broker_url or "")._replace(path=f"/{LOCKS_DB}").geturl()
        return cls(
            database_url=embedded.postgres.url() if embedded.postgres is not None else own.database_url or "",
            broker_url=broker_url,
            redis_url=redis_url,
            credits_url=embedded.credits.url() if embedded.credits is not None else own.credits_url or "",
        )


def require_own_servers(*, own: OwnServers) -> None:
    """Check that every server that the user brought is there. Raises OutsideServiceUnreachable."""
    if own.database_url is not None:
        require_postgres(url=own.database_url)
    named = {
        "REDIS_URL": own.redis_url,
        "CELERY_BROKER_URL": own.broker_url,
        "REDIS_CREDITS_URL": own.credits_url,
    }
    for setting, url in named.items():
        if url is not None:
            require_redis(url=url, setting=setting)
