"""Server-side request forgery: whatever a URL or a name says, no connection is opened to what is not public.

Each case goes the whole way, from the URL to the socket; what counts is that the operating system is never asked to connect.
The second half leaves the check of URLs out, as a row from before a rule was made would.
"""

from collections.abc import Sequence
from ipaddress import ip_address

import pytest

from billing.outgoing.addresses import Address
from billing.outgoing.exchange import ExchangeFailed, post
from billing.outgoing.resolve import Resolve, resolve_host
from billing.outgoing.target import Target, TargetRefused, parse_target
from tests.unit.billing.outgoing.connections import recorded_connections

PUBLIC = "93.184.216.34"
# As URLs say it: refused before anything is looked up, or by what the lookup gives.
HOSTILE_URLS = [
    # loopback, in each spelling that some parser takes for an address
    "https://127.0.0.1/", "https://127.0.0.1./", "https://127.1/", "https://127.0.1/", "https://2130706433/",
    "https://0x7f000001/", "https://0x7f.0.0.1/", "https://0x7f.1/", "https://0177.0.0.1/", "https://017700000001/",
    "https://0177.0x0.0.1/", "https://127.0.0.01/", "https://00000127.0.0.1/", "https://127.0.0.1.0x/",
    "https://4294967295/", "https://0/", "https://0.0.0.0/", "https://0x0/",
    # the same in digits and dots that only look like them
    "https://127\N{IDEOGRAPHIC FULL STOP}0\N{IDEOGRAPHIC FULL STOP}0\N{IDEOGRAPHIC FULL STOP}1/",
    "https://127\N{FULLWIDTH FULL STOP}0.0.1/", "https://127\N{HALFWIDTH IDEOGRAPHIC FULL STOP}0.0.1/",
    "https://\N{FULLWIDTH DIGIT ONE}\N{FULLWIDTH DIGIT TWO}\N{FULLWIDTH DIGIT SEVEN}.0.0.1/",
    "https://\N{CIRCLED DIGIT ONE}27.0.0.1/", "https://\N{MATHEMATICAL BOLD DIGIT ONE}0.0.0.1/",
    # names of this machine and of private networks
    "https://localhost/", "https://LOCALHOST/", "https://localhost./", "https://a.localhost/", "https://db.internal/",
    "https://metadata.google.internal/", "https://printer.local/", "https://postgres/", "https://1.0.0.127.in-addr.arpa/",
    # IPv6, plain and with an IPv4 address inside
    "https://[::1]/", "https://[::]/", "https://[0:0:0:0:0:0:0:1]/", "https://[::ffff:127.0.0.1]/",
    "https://[::ffff:7f00:1]/", "https://[::127.0.0.1]/", "https://[::ffff:169.254.169.254]/",
    "https://[64:ff9b::a00:1]/", "https://[64:ff9b::7f00:1]/", "https://[64:ff9b:1::a00:1]/",
    "https://[2002:a00:1::1]/", "https://[2002:7f00:1::]/", "https://[2001:0:7f00:1::1]/",
    "https://[2001:db8::1]/", "https://[fe80::1]/", "https://[fe80::1%25lo]/", "https://[fec0::1]/",
    "https://[fc00::1]/", "https://[fd00:ec2::254]/", "https://[ff02::1]/",
    # networks behind the wall, and what clouds tell their machines
    "https://10.0.0.1/", "https://10.255.255.255/", "https://172.16.0.1/", "https://192.168.0.1/",
    "https://100.64.0.1/", "https://169.254.169.254/latest/meta-data/", "https://169.254.170.2/",
    "https://100.100.100.200/", "https://192.0.0.192/", "https://198.18.0.1/", "https://192.88.99.1/",
    "https://224.0.0.1/", "https://255.255.255.255/", "https://2852039166/", "https://0xa9fea9fe/",
    # who is asked, hidden behind somebody else
    "https://shop.example@127.0.0.1/", "https://127.0.0.1@shop.example/", "https://shop.example:443@10.0.0.1/",
    "https://shop.example\\@127.0.0.1/", "https://127.0.0.1#@shop.example/", "https://127.0.0.1?@shop.example/",
    "https://shop.example\t.127.0.0.1/", "https://127.0.0.1%2f@shop.example/", "https://127.0.0.1\r\nhost: x/",
    # other services and other schemes
    "https://shop.example:25/", "https://shop.example:5432/", "https://shop.example:6379/", "https://shop.example:22/",
    "http://shop.example/", "file:///etc/passwd", "gopher://127.0.0.1:6379/_FLUSHALL", "ftp://10.0.0.1/",
    "dict://127.0.0.1:11211/", "unix:///run/postgresql", "jar:https://shop.example!/", "data:text/plain,x",
]  # fmt: skip
# As names lead there: each of these is what the resolver answers for a name that looks like any other.
HOSTILE_ANSWERS = [
    ["127.0.0.1"], ["::1"], ["10.0.0.1"], ["172.31.0.1"], ["192.168.0.1"], ["169.254.169.254"], ["fd00:ec2::254"],
    ["100.64.0.1"], ["0.0.0.0"], ["::"], ["::ffff:127.0.0.1"], ["::ffff:10.0.0.1"], ["64:ff9b::a00:1"],
    ["64:ff9b::7f00:1"], ["2002:a00:1::1"], ["2001:0:7f00:1::1"], ["192.88.99.1"], ["224.0.0.1"], ["fec0::1"],
    ["fe80::1"], ["fe80::1%1"], ["ff02::1"], ["198.18.0.1"], ["240.0.0.1"],
    # one public address does not excuse a private one, wherever it stands
    [PUBLIC, "127.0.0.1"], ["127.0.0.1", PUBLIC], [PUBLIC, "::1"], [PUBLIC, PUBLIC, PUBLIC, PUBLIC, "10.0.0.1"],
    [],
]  # fmt: skip
# What the system's own resolver makes of spellings, without asking anybody.
SPELLINGS = ["127.1", "2130706433", "0x7f000001", "0177.0.0.1", "0", "localhost", "::1", "::ffff:127.0.0.1", "fe80::1"]


def answering(*answers: Sequence[str]) -> tuple[Resolve, list[str]]:
    """Return a resolver that gives these answers one after the other, and the names that it was asked for."""
    left, asked = list(answers), []

    def resolve(host: str, *, seconds: float) -> list[Address]:
        asked.append(host)
        return [ip_address(text) for text in (left.pop(0) if len(left) > 1 else left[0])]

    return resolve, asked


def send(target: Target, resolve: Resolve) -> None:
    post(target, headers={}, body=b"{}", allow_private=False, resolve=resolve, seconds=2)


def test_there_are_enough_of_them() -> None:
    assert len({*HOSTILE_URLS}) >= 60
    assert len(HOSTILE_ANSWERS) >= 24


@pytest.mark.parametrize("url", HOSTILE_URLS)
def test_no_connection_for_a_hostile_url(url: str) -> None:
    with recorded_connections() as connections, pytest.raises((TargetRefused, ExchangeFailed)) as refusal:
        send(parse_target(url, allow_private=False), resolve_host)

    assert connections == []
    assert getattr(refusal.value, "code", None) in {
        *("address_refused", "host_refused", "port_refused", "scheme_refused"),
        *("userinfo_refused", "fragment_refused", "url_malformed"),
    }


@pytest.mark.parametrize("answer", HOSTILE_ANSWERS, ids=lambda answer: ",".join(answer) or "nothing")
def test_no_connection_for_a_name_that_leads_inside(answer: list[str]) -> None:
    resolve, asked = answering(answer)
    with recorded_connections() as connections, pytest.raises(ExchangeFailed) as refusal:
        send(parse_target("https://shop.example/", allow_private=False), resolve)

    assert connections == []
    assert refusal.value.code == "address_refused"
    assert asked == ["shop.example"]


@pytest.mark.parametrize("host", SPELLINGS)
def test_no_connection_even_where_the_url_was_never_checked(host: str) -> None:
    with recorded_connections() as connections, pytest.raises(ExchangeFailed) as refusal:
        send(Target(True, host, 443, "/"), resolve_host)

    assert connections == []
    assert refusal.value.code == "address_refused"


@pytest.mark.parametrize("host", ["169.254.169.254", "0.0.0.0", "fd00:ec2::254", "224.0.0.1", "::ffff:127.0.0.1"])
def test_the_setting_for_local_development_opens_no_more_than_private_networks(host: str) -> None:
    with recorded_connections() as connections, pytest.raises(ExchangeFailed) as refusal:
        post(Target(False, host, 80, "/"), headers={}, body=b"", allow_private=True, seconds=2)

    assert connections == []
    assert refusal.value.code == "address_refused"


def test_a_name_that_is_bound_anew_is_resolved_once_and_reached_where_it_was_checked() -> None:
    resolve, asked = answering([PUBLIC], ["127.0.0.1"])
    with recorded_connections() as connections, pytest.raises(ExchangeFailed) as refusal:
        send(parse_target("https://shop.example/", allow_private=False), resolve)

    assert refusal.value.code == "connection_failed"  # the recording refuses it, where the network would take it
    assert connections == [PUBLIC]
    assert asked == ["shop.example"]


def test_a_public_address_would_be_connected_to() -> None:
    """Otherwise the tests above would prove nothing."""
    for host in ("8.8.8.8", "2606:4700::1111"):
        with recorded_connections() as connections, pytest.raises(ExchangeFailed):
            send(Target(True, host, 443, "/"), resolve_host)
        assert connections == [host]
