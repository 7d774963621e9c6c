"""Reading the head of an answer."""

import pytest

from sandbox.events.http_client import DeliveryFailed, _read_head


@pytest.mark.parametrize(
    ("head", "status", "length"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n", 200, 2),
        (b"HTTP/1.1 204\r\ncontent-length: 0\r\n\r\n", 204, 0),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nConnection: Close\r\n\r\n", 200, None),
        (b"HTTP/1.0 200 OK\r\ncontent-length: 2\r\n\r\n", 200, None),
        (b"HTTP/1.1 500 Oh\r\ntransfer-encoding: chunked\r\n\r\n", 500, None),
    ],
)
def test_the_status_and_a_known_length_are_read(head: bytes, status: int, length: int | None) -> None:
    answer = _read_head(head)

    assert (answer.status, answer.length) == (status, length)


@pytest.mark.parametrize("head", [b"SSH-2.0-x\r\n\r\n", b"HTTP/1.1 abc\r\n\r\n", b"\r\n\r\n"])
def test_what_is_no_http_is_refused(head: bytes) -> None:
    with pytest.raises(DeliveryFailed, match=r"no HTTP/1\.1"):
        _read_head(head)
