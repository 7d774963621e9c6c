"""The shell in which `billing` is called: without what a developer's own may set, which would decide what is embedded."""

import os
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
FOREIGN = frozenset(
    {"DATABASE_URL", "REDIS_URL", "CELERY_BROKER_URL", "REDIS_CREDITS_URL", "STRIPE_SECRET_KEY", "BILLING_HOME"}
)


def environment(**changes: str) -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name not in FOREIGN} | changes
