"""Where a request goes, and as whom: to the checked address, under the name, with a certificate for the name."""

import socket
import ssl
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from sqlalchemy import create_engine
from sqlalchemy.orm import sessionmaker

from billing.outgoing import exchange
from billing.outgoing.addresses import Address
from billing.outgoing.exchange import ExchangeFailed, SentInTransaction, post
from billing.outgoing.target import Target
from billing.unit_of_work import transaction

NAME = "shop.example"
LOOPBACK = ip_address("127.0.0.1")


def to_loopback(host: str, *, seconds: float) -> list[Address]:
    return [LOOPBACK]


def certificate_for(name: str, *, folder: Path) -> tuple[Path, Path]:
    """Write a certificate that vouches for itself and for `name`, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    begin = datetime(2020, 1, 1, tzinfo=UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(begin)
        .not_valid_after(begin + timedelta(days=36_500))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem, key_pem = folder / "certificate.pem", folder / "key.pem"
    pem.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    key_pem.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return pem, key_pem


class TlsServer:
    """Takes one connection after the other; keeps what names were asked for, and what was said under TLS."""

    def __init__(self, *, certificate: Path, key: Path) -> None:
        self.names: list[str | None] = []
        self.heads: list[bytes] = []
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        context.sni_callback = lambda _, name, __: self.names.append(name)
        self._listening = socket.create_server(("127.0.0.1", 0))
        self._context = context
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    @property
    def port(self) -> int:
        return int(self._listening.getsockname()[1])

    def close(self) -> None:
        self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        self._thread.join()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listening.accept()
            except OSError:
                return
            try:
                with self._context.wrap_socket(connection, server_side=True) as secured:
                    self.heads.append(secured.recv(4096))
                    secured.sendall(b"HTTP/1.1 204 No Content\r\n\r\n")
            except OSError:
                connection.close()


@pytest.fixture
def trusted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[TlsServer]:
    """A server whose certificate for NAME is trusted here."""
    certificate, key = certificate_for(NAME, folder=tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    exchange._tls_context.cache_clear()
    server = TlsServer(certificate=certificate, key=key)
    yield server
    server.close()
    exchange._tls_context.cache_clear()


def send(target: Target) -> int:
    answer = post(target, headers={}, body=b"{}", allow_private=True, resolve=to_loopback, seconds=5)
    return answer.status


def test_the_name_goes_into_the_handshake_and_the_host_header_though_an_address_is_connected_to(
    trusted: TlsServer,
) -> None:
    assert send(Target(True, NAME, trusted.port, "/hook?a=b")) == 204

    assert trusted.names == [NAME]
    head = trusted.heads[0].decode()
    assert head.startswith("POST /hook?a=b HTTP/1.1\r\n")
    assert f"\r\nhost: {NAME}:{trusted.port}\r\n" in head.lower()


@pytest.mark.parametrize("host", ["other.example", "127.0.0.1"])
def test_a_certificate_for_another_name_ends_it_before_anything_is_said(trusted: TlsServer, host: str) -> None:
    with pytest.raises(ExchangeFailed) as failure:
        send(Target(True, host, trusted.port, "/"))

    assert failure.value.code == "tls_failed"
    assert trusted.heads == []


def test_a_certificate_that_nobody_vouches_for_ends_it(trusted: TlsServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SSL_CERT_FILE")
    exchange._tls_context.cache_clear()
    with pytest.raises(ExchangeFailed) as failure:
        send(Target(True, NAME, trusted.port, "/"))

    assert failure.value.code == "tls_failed"


def test_no_proxy_of_the_environment_is_used(trusted: TlsServer, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "https_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")

    assert send(Target(True, NAME, trusted.port, "/")) == 204


def test_of_several_addresses_the_first_that_answers_is_used(trusted: TlsServer) -> None:
    def resolve(host: str, *, seconds: float) -> list[Address]:
        return [ip_address("::1"), LOOPBACK]  # nobody listens on the first

    assert (
        post(
            Target(True, NAME, trusted.port, "/"), headers={}, body=b"", allow_private=True, resolve=resolve, seconds=5
        ).status
        == 204
    )


def test_nothing_is_sent_while_a_transaction_is_open() -> None:
    sessions = sessionmaker(create_engine("postgresql+psycopg://nobody@127.0.0.1:9/none"))
    with transaction(sessions, send_hint=lambda _: None), pytest.raises(SentInTransaction):
        send(Target(True, NAME, 443, "/"))
