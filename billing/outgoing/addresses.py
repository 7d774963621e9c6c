"""Rule: which addresses an outgoing webhook may reach.

A list of what is allowed, not of what is forbidden: `is_global` alone lets 6to4, NAT64 and multicast through, each of which
can lead back inside.
"""

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

Address = IPv4Address | IPv6Address

# Global unicast by `is_global`, and yet no place of a receiver: protocol assignments, the 6to4 relay's anycast address.
_IPV4_REFUSED = (IPv4Network("192.0.0.0/24"), IPv4Network("192.88.99.0/24"))
_IPV6_GLOBAL_UNICAST = IPv6Network("2000::/3")
# IETF protocol assignments with Teredo, 6to4, and the two ranges for documentation.
_IPV6_REFUSED = (
    IPv6Network("2001::/23"),
    IPv6Network("2002::/16"),
    IPv6Network("2001:db8::/32"),
    IPv6Network("3fff::/20"),
)
# What the setting for local development adds. Link-local stays shut: the metadata services of clouds live there.
_PRIVATE = (
    IPv4Network("127.0.0.0/8"),
    IPv4Network("10.0.0.0/8"),
    IPv4Network("172.16.0.0/12"),
    IPv4Network("192.168.0.0/16"),
    IPv6Network("::1/128"),
    IPv6Network("fc00::/7"),
)
_METADATA = frozenset({IPv6Address("fd00:ec2::254")})


def address_allowed(address: Address, *, allow_private: bool) -> bool:
    """Return whether a connection to `address` may be opened; `allow_private` adds loopback and private networks."""
    if allow_private and address not in _METADATA and any(address in network for network in _PRIVATE):
        return True
    if isinstance(address, IPv4Address):
        refused = any(address in network for network in _IPV4_REFUSED)
        return address.is_global and not address.is_multicast and not refused
    return address in _IPV6_GLOBAL_UNICAST and not any(address in network for network in _IPV6_REFUSED)
