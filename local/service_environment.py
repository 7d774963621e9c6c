"""The settings of a running stack, kept for commands that are called from another shell."""

from collections.abc import Mapping

from local.data_dir import DataDir, read_json, write_private_json
from local.errors import NotRunning

# What `local.environment` decides or generates, and nothing else of the user's environment but what belongs to it.
NAMES = (
    "BILLING_ENV",
    "BILLING_HOME",
    "BILLING_SERVICE_HOST",
    "BILLING_SERVICE_PORT",
    "BILLING_LOG_LEVEL",
    "PROMETHEUS_MULTIPROC_DIR",
    "DATABASE_URL",
    "REDIS_URL",
    "CELERY_BROKER_URL",
    "REDIS_CREDITS_URL",
    "REDIS_CREDITS_CLUSTER",
    "STRIPE_SECRET_KEY",
    "STRIPE_PUBLISHABLE_KEY",
    "STRIPE_WEBHOOK_SECRET",
    "STRIPE_API_BASE",
    "ENCRYPTION_KEY",
    "API_KEY_PEPPER",
    "FLOWER_BASIC_AUTH",
    "FLOWER_PORT",
    "FLOWER_ADDRESS",
    "OUTGOING_WEBHOOKS_ALLOW_PRIVATE",
)


def write_service_environment(*, data_dir: DataDir, env: Mapping[str, str]) -> None:
    """Keep the settings of the processes that are about to start (mode 0600)."""
    write_private_json(path=data_dir.environment_path, value={name: env[name] for name in NAMES if name in env})


def read_service_environment(*, data_dir: DataDir) -> dict[str, str]:
    """Return the settings of the running stack. Raises NotRunning."""
    value = read_json(path=data_dir.environment_path)
    if value is None:
        raise NotRunning(f"no stack runs on {data_dir.path}", mend="billing up, or name the right --data-dir")
    return {str(name): str(setting) for name, setting in value.items()}
