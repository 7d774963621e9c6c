"""Which addresses may be reached. Anything that is not plainly on the public internet may not."""

from ipaddress import ip_address

import pytest

from billing.outgoing.addresses import address_allowed

PUBLIC = ["1.1.1.1", "8.8.8.8", "93.184.216.34", "172.32.0.1", "2606:4700::1111", "2a00:1450:4001::1", "2003::1"]
PRIVATE = ["127.0.0.1", "127.255.255.254", "10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1", "::1", "fd12::1"]
NEVER = [
    *("0.0.0.0", "0.1.2.3", "100.64.0.1", "100.127.255.255", "169.254.0.1", "169.254.169.254", "169.254.170.2"),
    *("192.0.0.1", "192.0.0.9", "192.0.2.1", "192.88.99.1", "198.18.0.1", "198.19.255.255", "198.51.100.1"),
    *("203.0.113.1", "224.0.0.1", "239.255.255.250", "240.0.0.1", "255.255.255.255"),
    *("::", "::127.0.0.1", "::ffff:127.0.0.1", "::ffff:8.8.8.8", "::ffff:169.254.169.254", "::ffff:0:127.0.0.1"),
    *("64:ff9b::7f00:1", "64:ff9b::a00:1", "64:ff9b::808:808", "64:ff9b:1::1", "100::1"),
    *("2001::1", "2001:0:7f00:1::", "2001:10::1", "2001:20::1", "2001:db8::1", "2002:7f00:1::", "2002:a00:1::1"),
    *("3fff::1", "5f00::1", "fe80::1", "febf::1", "fec0::1", "ff02::1", "ff0e::1", "fd00:ec2::254"),
]


@pytest.mark.parametrize("text", PUBLIC)
def test_a_public_address_is_allowed(text: str) -> None:
    assert address_allowed(ip_address(text), allow_private=False)


@pytest.mark.parametrize("text", PRIVATE)
def test_a_private_address_takes_the_setting(text: str) -> None:
    assert not address_allowed(ip_address(text), allow_private=False)
    assert address_allowed(ip_address(text), allow_private=True)


@pytest.mark.parametrize("text", NEVER)
def test_others_are_refused_whatever_the_setting(text: str) -> None:
    assert not address_allowed(ip_address(text), allow_private=False)
    assert not address_allowed(ip_address(text), allow_private=True)
