"""Who counts as a caller on this machine."""

import pytest

from sandbox.wire.messages import Request


@pytest.mark.parametrize(
    ("peer", "host", "origin", "is_local"),
    [
        ("127.0.0.1", "127.0.0.1:80", None, True),
        ("127.0.0.1", "localhost", "http://localhost:3005", True),
        ("::1", "[::1]:80", "null", True),
        ("10.0.0.7", "127.0.0.1:80", None, False),
        ("127.0.0.1", "evil.example", None, False),
        ("127.0.0.1", "127.0.0.1.evil.example", None, False),
        ("127.0.0.1", "127.0.0.1:80", "https://evil.example", False),
    ],
)
def test_peer_host_and_origin_must_all_be_local(peer: str, host: str, origin: str | None, is_local: bool) -> None:
    headers = {"host": host} | ({} if origin is None else {"origin": origin})

    assert Request("GET", "/", "", headers, b"", peer).is_from_this_machine is is_local
