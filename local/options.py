"""What the user chose: options of `billing up`, and which parts are servers of their own."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from local.data_dir import DataDir
from local.errors import Misconfigured

ANY_ADDRESS = frozenset({"0.0.0.0", "::"})  # noqa: S104 - recognised here, never the default


@dataclass(frozen=True, kw_only=True)
class StackOptions:
    """How the stack is brought up. `cards` changes what the sandbox's test cards do."""

    data_dir: DataDir
    host: str
    port: int
    log_level: str
    procfile: Path
    project_root: Path
    cards: Path | None = None

    @property
    def api_url(self) -> str:
        """The address under which this machine reaches the API."""
        host = "127.0.0.1" if self.host in ANY_ADDRESS else self.host
        return f"http://[{host}]:{self.port}" if ":" in host else f"http://{host}:{self.port}"


@dataclass(frozen=True, kw_only=True)
class OwnServers:
    """Addresses and keys that the user set: those parts are not started here."""

    database_url: str | None
    redis_url: str | None
    broker_url: str | None
    credits_url: str | None
    stripe_secret_key: str | None

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> "OwnServers":
        """Read them; an empty value counts as not set. Raises Misconfigured when a Stripe key comes alone."""
        own = cls(
            database_url=environment.get("DATABASE_URL") or None,
            redis_url=environment.get("REDIS_URL") or None,
            broker_url=environment.get("CELERY_BROKER_URL") or None,
            credits_url=environment.get("REDIS_CREDITS_URL") or None,
            stripe_secret_key=environment.get("STRIPE_SECRET_KEY") or None,
        )
        needed = ("STRIPE_WEBHOOK_SECRET", "STRIPE_PUBLISHABLE_KEY")
        missing = [name for name in needed if not environment.get(name)]
        if own.stripe_secret_key is not None and missing:
            raise Misconfigured(
                f"STRIPE_SECRET_KEY is set, but {' and '.join(missing)} {'is' if len(missing) == 1 else 'are'} not",
                mend="set them too (`stripe listen` prints a webhook secret), or unset STRIPE_SECRET_KEY to use the sandbox",
            )
        return own

    @property
    def has_broker(self) -> bool:
        """Whether locks and messages live on a server of the user's."""
        return self.redis_url is not None or self.broker_url is not None
