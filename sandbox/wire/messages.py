"""One HTTP request and one HTTP response, as plain values."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import Any

from sandbox.json_types import to_text


@dataclass(frozen=True, slots=True)
class Request:
    """A request that has arrived completely. Header names are in lower case."""

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes
    peer: str

    @property
    def host(self) -> str:
        """Return the Host header, as `name:port`."""
        return self.headers.get("host", "localhost")

    @property
    def is_from_this_machine(self) -> bool:
        """Tell whether the peer, the Host header and the Origin (when sent) all are this machine.

        The two headers guard against pages of other sites that a browser on this machine has open.
        """
        origin = self.headers.get("origin")
        names = [self.peer, _host_name(self.host)]
        if origin not in (None, "null"):
            names.append(_host_name(origin.partition("://")[2]))
        return all(_is_loopback(name) for name in names)


@dataclass(frozen=True, slots=True)
class Response:
    """An answer. `drop` tells the connection to break off instead of sending it."""

    status: int
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)
    drop: bool = False


def encode_json(value: Any) -> bytes:
    """Return `value` as compact JSON in UTF-8."""
    return to_text(value).encode()


def json_response(*, status: int, value: Any, headers: Mapping[str, str] | None = None) -> Response:
    """Return an answer with a JSON body."""
    return Response(status, encode_json(value), {"content-type": "application/json", **(headers or {})})


def _is_loopback(name: str) -> bool:
    if name == "localhost":
        return True
    try:
        return ip_address(name).is_loopback
    except ValueError:
        return False


def _host_name(host: str) -> str:
    """Return the name in `name:port`, also where it is a bracketed IPv6 address."""
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.partition(":")[0]
