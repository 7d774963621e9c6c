"""What is generated once for an installation and then kept: secrets and ports."""

import base64
import secrets
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from local.data_dir import read_json, write_private_json
from local.errors import Misconfigured
from local.ports import free_port, is_free
from local.sandbox import WebhookEndpoint

ENCRYPTION_KEY_BYTES = 32


def _password() -> str:
    # Hexadecimal: safe in addresses, configuration files and HTTP Basic authentication alike.
    return secrets.token_hex(24)


def _typed_password() -> str:
    # People type this one into a login form: 64 bits.
    return secrets.token_hex(8)


def _stripe_secret_key() -> str:
    return f"sk_test_{secrets.token_hex(24)}"


def _encryption_key() -> str:
    return base64.b64encode(secrets.token_bytes(ENCRYPTION_KEY_BYTES)).decode()


@dataclass(kw_only=True)
class Secrets:
    """The secrets of one installation, and what its parts gave out. None of them is a constant of the program."""

    postgres_password: str = field(default_factory=_password)
    broker_password: str = field(default_factory=_password)
    credits_password: str = field(default_factory=_password)
    flower_user: str = "billing"
    flower_password: str = field(default_factory=_typed_password)
    encryption_key: str = field(default_factory=_encryption_key)
    api_key_pepper: str = field(default_factory=_password)
    stripe_secret_key: str = field(default_factory=_stripe_secret_key)
    webhook_endpoint: WebhookEndpoint | None = None
    api_key: str | None = None

    @property
    def stripe_publishable_key(self) -> str:
        """The sandbox's publishable key: the secret key's tail under the other prefix."""
        return self.stripe_secret_key.replace("sk_test_", "pk_test_", 1)

    def save(self, *, path: Path) -> None:
        """Write the file (mode 0600)."""
        write_private_json(path=path, value=asdict(self))


def load_or_create_secrets(*, path: Path) -> Secrets:
    """Return the installation's secrets, generating them at the first start.

    Raises Misconfigured when the file is there but cannot be read: new secrets would lock the kept data out.
    """
    try:
        secrets_of_this = _secrets_from(read_json(path=path) or {}) if path.exists() else Secrets()
    except (KeyError, TypeError) as fault:
        raise Misconfigured(
            f"{path} is not the secrets file of a local installation ({fault})",
            mend=f"restore it, or remove the whole directory {path.parent} to start with an empty one",
        ) from fault
    # Also after reading: a secret that is new in this version has just been generated.
    secrets_of_this.save(path=path)
    return secrets_of_this


def _secrets_from(kept: dict[str, Any]) -> Secrets:
    endpoint = kept.pop("webhook_endpoint")
    return Secrets(**kept, webhook_endpoint=None if endpoint is None else WebhookEndpoint(**endpoint))


def load_or_choose_ports(*, path: Path, names: list[str]) -> dict[str, int]:
    """Return a port for each name: the one of the last start where it is still free, else a new one, which is kept."""
    kept = read_json(path=path) or {}
    ports: dict[str, int] = {}
    for name in names:
        remembered = kept.get(name)
        if isinstance(remembered, int) and is_free(port=remembered):
            ports[name] = remembered
        else:
            ports[name] = free_port(taken=frozenset([*ports.values(), *kept.values()]))
    write_private_json(path=path, value={**kept, **ports})
    return ports
