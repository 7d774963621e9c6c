"""`stack.json`: the addresses and keys of a running stack. Its fields are a contract with scripts and tests."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from local.control import running_pid
from local.data_dir import DataDir, read_json, write_private_json
from local.errors import NotRunning

VERSION = 1


class StillStarting(NotRunning):
    """A supervisor holds the data directory, but its stack is not ready yet, or no longer."""


@dataclass(frozen=True, kw_only=True)
class StackFile:
    """What a caller needs to use the stack. `stripe_api_base` is None when Stripe itself is used."""

    api_url: str
    docs_url: str
    flower_url: str
    flower_user: str
    flower_password: str
    api_key: str
    database_url: str
    broker_url: str
    redis_url: str
    credits_url: str
    stripe_api_base: str | None
    stripe_secret_key: str
    stripe_publishable_key: str
    stripe_webhook_secret: str
    processes: Mapping[str, int]
    log_dir: str
    version: int = VERSION


def write_stack_file(*, path: Path, stack: StackFile) -> None:
    """Write the file (mode 0600) in one step."""
    write_private_json(path=path, value={"version": stack.version, **asdict(stack)})


def running_stack(*, data_dir: DataDir) -> StackFile:
    """Return the running stack's addresses and keys. Raises NotRunning, also while it is still starting."""
    running_pid(data_dir=data_dir)
    value = read_json(path=data_dir.stack_path)
    if value is None:
        raise StillStarting(
            f"the stack on {data_dir.path} is still starting, or stopping",
            mend="billing status shows how far it is",
        )
    return StackFile(**value)
