"""The environment of the service's processes: production's settings, with the addresses and secrets of this installation."""

import sys
from collections.abc import Mapping
from pathlib import Path

from local.embedded import Addresses
from local.installation import Secrets
from local.options import StackOptions
from local.ports import LOOPBACK


def process_environment(
    *,
    base: Mapping[str, str],
    options: StackOptions,
    secrets: Secrets,
    addresses: Addresses,
    sandbox_url: str | None,
    flower_port: int,
) -> dict[str, str]:
    """Return the environment of a process: the user's own, with what the stack decides on top.

    Settings that the user may decide as well (keys, the environment's name) stay as the user set them. `sandbox_url` is None
    where the user's environment holds the keys of Stripe itself.
    """
    ours_unless_set = {
        "BILLING_ENV": "development",
        "ENCRYPTION_KEY": secrets.encryption_key,
        "API_KEY_PEPPER": secrets.api_key_pepper,
        "FLOWER_BASIC_AUTH": f"{secrets.flower_user}:{secrets.flower_password}",
    }
    decided = {
        "BILLING_SERVICE_HOST": options.host,
        "BILLING_SERVICE_PORT": str(options.port),
        "BILLING_LOG_LEVEL": options.log_level,
        "BILLING_HOME": str(options.data_dir.path),
        "PROMETHEUS_MULTIPROC_DIR": str(options.data_dir.metrics_dir),
        "DATABASE_URL": addresses.database_url,
        "REDIS_URL": addresses.redis_url,
        "REDIS_CREDITS_URL": addresses.credits_url,
        "FLOWER_PORT": str(flower_port),
        "FLOWER_ADDRESS": LOOPBACK,
        "PATH": f"{Path(sys.executable).parent}:{base.get('PATH', '/usr/bin:/bin')}",
        # A proxy of the user's is for the internet: the sandbox and the API are on this machine.
        "NO_PROXY": ",".join(filter(None, [base.get("NO_PROXY") or base.get("no_proxy"), LOOPBACK, "localhost"])),
        # Output reaches the log when it is written, not when a buffer is full.
        "PYTHONUNBUFFERED": "1",
    }
    if addresses.broker_url is not None:
        decided["CELERY_BROKER_URL"] = addresses.broker_url
    if sandbox_url is not None and secrets.webhook_endpoint is not None:
        decided |= {
            "STRIPE_SECRET_KEY": secrets.stripe_secret_key,
            "STRIPE_PUBLISHABLE_KEY": secrets.stripe_publishable_key,
            "STRIPE_WEBHOOK_SECRET": secrets.webhook_endpoint.secret,
            "STRIPE_API_BASE": sandbox_url,
        }
        # Receivers of webhooks are on this machine, too. Where the keys are Stripe's own, that is for the user to say.
        ours_unless_set["OUTGOING_WEBHOOKS_ALLOW_PRIVATE"] = "true"
    set_by_user = {name: value for name, value in base.items() if value}
    return {**ours_unless_set, **set_by_user, **decided}
