"""Rule: which URLs an endpoint may have, and what is connected to for them."""

import re
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import NamedTuple
from urllib.parse import quote, urlsplit

import idna

from billing.outgoing.addresses import address_allowed

URL_LENGTH_MAX = 2_048
_HOST_LENGTH_MAX = 253
PUBLIC_PORTS = (443, 8443)
# Below 1024, and these above it, no receiver of webhooks listens, not even in local development.
_SERVICE_PORTS = frozenset(
    {1433, 1521, 2375, 2376, 2379, 3306, 3389, 5432, 5672, 5984, 6379, 6443, 8500, 9042, 9092, 9200, 9300, 11211}
    | {10250, 15672, 27017}
)
_WEB_PORTS = frozenset({80, 443})
# A last label that begins as a number does makes the whole host an IPv4 address to some readers (WHATWG URL, inet_aton).
_NUMBER_LIKE = re.compile(r"(?:0[xX][0-9a-fA-F]*|[0-9]+)")
_LABEL = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)")
_PRIVATE_NAMES = frozenset({"localhost", "local", "internal", "intranet", "lan", "home", "corp", "private", "arpa"})
_PATH_SAFE = "/?&=%:@!$'()*+,;~-._"


class TargetRefused(Exception):
    """An endpoint cannot have this URL; `code` is for machines, the text for people."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail


class Target(NamedTuple):
    """What a URL comes to: a host in ASCII or an address, a port, and what is asked for there."""

    is_secure: bool
    host: str
    port: int
    path: str

    @property
    def authority(self) -> str:
        """The value of the Host header."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == (443 if self.is_secure else 80) else f"{host}:{self.port}"

    @property
    def url(self) -> str:
        """The URL as it is kept: normalised."""
        return f"{'https' if self.is_secure else 'http'}://{self.authority}{self.path}"


def parse_target(url: str, *, allow_private: bool) -> Target:
    """Return what `url` comes to. Raises TargetRefused.

    Without `allow_private` (local development): https, a public name or address, and a port of PUBLIC_PORTS.
    """
    if len(url) > URL_LENGTH_MAX:
        raise TargetRefused("url_too_long", f"a URL has {URL_LENGTH_MAX} characters at most")
    if any(character.isspace() or not character.isprintable() or character == "\\" for character in url):
        raise TargetRefused("url_malformed", "a URL has no spaces, control characters or backslashes")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise TargetRefused("url_malformed", "this is no URL") from None
    if parts.scheme not in ({"https", "http"} if allow_private else {"https"}):
        raise TargetRefused("scheme_refused", "the URL starts with https://")
    if "@" in parts.netloc:
        raise TargetRefused("userinfo_refused", "the URL has no user name or password; events are signed instead")
    if "#" in url:
        raise TargetRefused("fragment_refused", "the URL has no fragment: it would not be sent")
    is_secure = parts.scheme == "https"
    if port is None:
        port = 443 if is_secure else 80
    _require_port(port, allow_private=allow_private)
    host = _normalised_host(parts.hostname or "", allow_private=allow_private)
    path = quote((parts.path or "/") + (f"?{parts.query}" if parts.query else ""), safe=_PATH_SAFE)
    return Target(is_secure, host, port, path)


def _require_port(port: int, *, allow_private: bool) -> None:
    if not allow_private and port not in PUBLIC_PORTS:
        raise TargetRefused("port_refused", f"the port is one of {', '.join(map(str, PUBLIC_PORTS))}")
    if port in _SERVICE_PORTS or (port < 1024 and port not in _WEB_PORTS):
        raise TargetRefused("port_refused", f"port {port} belongs to another kind of service")


def _normalised_host(host: str, *, allow_private: bool) -> str:
    if ":" in host:
        return _require_allowed(_ipv6(host), allow_private=allow_private)
    try:
        # Maps what merely looks like a letter, a digit or a dot to what it stands for, and other scripts to xn--….
        name = idna.encode(host, uts46=True).decode().lower() if not host.isascii() else host.lower()
    except idna.IDNAError:
        raise TargetRefused("host_refused", "the host is no name of the internet") from None
    name = name.removesuffix(".")
    labels = name.split(".")
    if len(name) > _HOST_LENGTH_MAX or not all(_LABEL.fullmatch(label) for label in labels):
        raise TargetRefused("host_refused", "the host is no name of the internet")
    if _NUMBER_LIKE.fullmatch(labels[-1]):
        return _require_allowed(_ipv4(name), allow_private=allow_private)
    if not allow_private and (len(labels) == 1 or labels[-1] in _PRIVATE_NAMES):
        raise TargetRefused("address_refused", "the host is a name of a private network")
    return name


def _ipv4(text: str) -> IPv4Address:
    try:
        return IPv4Address(text)  # four decimal numbers without leading zeros, and nothing else
    except ValueError:
        raise TargetRefused("host_refused", "an IPv4 address is written as four decimal numbers") from None


def _ipv6(text: str) -> IPv6Address:
    try:
        address = ip_address(text)
    except ValueError:
        raise TargetRefused("host_refused", "the host is no IPv6 address") from None
    if not isinstance(address, IPv6Address) or address.scope_id is not None:
        raise TargetRefused("host_refused", "the host is no IPv6 address without a zone")
    return address


def _require_allowed(address: IPv4Address | IPv6Address, *, allow_private: bool) -> str:
    if not address_allowed(address, allow_private=allow_private):
        raise TargetRefused("address_refused", "the address is not on the public internet")
    return str(address)
