import os
import signal
from pathlib import Path

import pytest
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from local.valkey import Fsync, ValkeyServer
from tests.integration.local.waiting import wait_until


@pytest.mark.parametrize("fsync", ["everysec", "always"])
def test_is_set_up_to_keep_what_it_was_told(data_dir: Path, fsync: Fsync) -> None:
    server = ValkeyServer(data_dir=data_dir / "valkey", password="secret", fsync=fsync)
    server.start()
    try:
        with redis.Redis.from_url(server.url(), decode_responses=True) as client:
            settings = client.config_get("appendonly", "appendfsync", "maxmemory-policy", "bind", "save")
        assert settings == {
            "appendonly": "yes",
            "appendfsync": fsync,
            "maxmemory-policy": "noeviction",
            "bind": "127.0.0.1",
            "save": "",
        }
        without_password = redis.Redis(port=server.port, retry=Retry(NoBackoff(), 0))
        with without_password, pytest.raises(redis.AuthenticationError):
            without_password.ping()
    finally:
        server.stop()


def test_an_answered_write_survives_a_kill(data_dir: Path) -> None:
    server = ValkeyServer(data_dir=data_dir / "valkey", password="secret", fsync="always")
    server.start()
    with redis.Redis.from_url(server.url(db=3)) as client:
        client.set("balance", 100)
    assert server.pid is not None
    os.kill(server.pid, signal.SIGKILL)
    wait_until(lambda: server.pid is None)

    server.start()

    with redis.Redis.from_url(server.url(db=3)) as client:
        assert client.get("balance") == b"100"
    server.stop()


def test_the_password_is_not_on_the_command_line(data_dir: Path) -> None:
    server = ValkeyServer(data_dir=data_dir / "valkey", password="hidden-word")
    server.start()
    try:
        assert b"hidden-word" not in Path(f"/proc/{server.pid}/cmdline").read_bytes()
        assert (data_dir / "valkey" / "valkey.conf").stat().st_mode & 0o077 == 0
    finally:
        server.stop()
