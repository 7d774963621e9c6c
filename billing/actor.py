"""Who does something, as the audit log names them."""

from typing import NamedTuple


class Actor(NamedTuple):
    """A caller (`key_…`), a customer's token (`cus_…`), or a part of the service (`worker`); with the request that it acts in."""

    name: str
    request_id: str | None = None


WORKER = Actor("worker")
GATEWAY = Actor("gateway")
OPERATOR_CLI = Actor("cli")
