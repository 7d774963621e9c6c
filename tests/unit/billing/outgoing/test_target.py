"""Which URLs an endpoint may have, and what is connected to for them."""

import pytest

from billing.outgoing.target import Target, TargetRefused, parse_target


@pytest.mark.parametrize(
    ("url", "kept"),
    [
        ("https://shop.example/hook", "https://shop.example/hook"),
        ("https://shop.example", "https://shop.example/"),
        ("HTTPS://Shop.Example:443/Hook?a=b&c", "https://shop.example/Hook?a=b&c"),
        ("https://shop.example:8443/", "https://shop.example:8443/"),
        ("https://shop.example./", "https://shop.example/"),
        ("https://b\N{LATIN SMALL LETTER U WITH DIAERESIS}cher.example/\N{LATIN SMALL LETTER U WITH DIAERESIS}",
         "https://xn--bcher-kva.example/%C3%BC"),
        ("https://shop\N{IDEOGRAPHIC FULL STOP}example/", "https://shop.example/"),
        ("https://8.8.8.8/", "https://8.8.8.8/"),
        ("https://[2606:4700:0::1111]/", "https://[2606:4700::1111]/"),
    ],
)  # fmt: skip
def test_a_url_is_kept_normalised(url: str, kept: str) -> None:
    target = parse_target(url, allow_private=False)

    assert target.url == kept
    assert parse_target(kept, allow_private=False) == target


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("http://shop.example/", "scheme_refused"),
        ("ftp://shop.example/", "scheme_refused"),
        ("file:///etc/passwd", "scheme_refused"),
        ("gopher://shop.example/", "scheme_refused"),
        ("//shop.example/", "scheme_refused"),
        ("shop.example", "scheme_refused"),
        ("", "scheme_refused"),
        ("https://ada@shop.example/", "userinfo_refused"),
        ("https://ada:pw@shop.example/", "userinfo_refused"),
        ("https://@shop.example/", "userinfo_refused"),
        ("https://shop.example/#part", "fragment_refused"),
        ("https://shop.example/#", "fragment_refused"),
        ("https:///hook", "host_refused"),
        ("https://shop..example/", "host_refused"),
        ("https://-shop.example/", "host_refused"),
        ("https://sh%6fp.example/", "host_refused"),
        (f"https://{'a' * 64}.example/", "host_refused"),
        (f"https://{'a.' * 130}example/", "host_refused"),
        ("https://shop.example:99999/", "url_malformed"),
        ("https://[::1/", "url_malformed"),
        ("https://shop.example/a b", "url_malformed"),
        ("https://shop.example/a\nb", "url_malformed"),
        ("https://shop.example\\@10.0.0.1/", "url_malformed"),
        ("https://shop.example/\N{ZERO WIDTH SPACE}", "url_malformed"),
        ("https://shop.example/" + "a" * 2048, "url_too_long"),
        ("https://localhost/", "address_refused"),
        ("https://redis.internal/", "address_refused"),
        ("https://intranet/", "address_refused"),
    ],
)
def test_a_url_is_refused(url: str, code: str) -> None:
    with pytest.raises(TargetRefused) as refusal:
        parse_target(url, allow_private=False)

    assert refusal.value.code == code


@pytest.mark.parametrize("port", [0, 1, 22, 25, 53, 80, 110, 111, 3306, 5432, 6379, 8080, 9200, 11211, 27017, 65535])
def test_a_public_receiver_listens_on_a_port_of_https(port: int) -> None:
    with pytest.raises(TargetRefused) as refusal:
        parse_target(f"https://shop.example:{port}/", allow_private=False)

    assert refusal.value.code == "port_refused"


def test_in_local_development_a_receiver_is_on_this_machine() -> None:
    assert parse_target("http://127.0.0.1:4567/hook", allow_private=True) == Target(False, "127.0.0.1", 4567, "/hook")
    assert parse_target("http://localhost/", allow_private=True).authority == "localhost"
    assert parse_target("http://[::1]:4567/", allow_private=True).authority == "[::1]:4567"


@pytest.mark.parametrize("port", [22, 25, 5432, 6379])
def test_and_yet_not_on_the_port_of_another_service(port: int) -> None:
    with pytest.raises(TargetRefused):
        parse_target(f"http://127.0.0.1:{port}/", allow_private=True)
