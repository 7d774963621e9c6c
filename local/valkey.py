"""An embedded Valkey 9 that keeps what it was told and never evicts: once for the broker, once for the credits."""

import signal
import socket
from pathlib import Path
from typing import Literal
from urllib.parse import quote

from local.ports import LOOPBACK, free_port
from local.process import ProcessSpec
from local.programs import valkey_program
from local.server import Server

Fsync = Literal["everysec", "always"]
PING_SECONDS_MAX = 1.0


class ValkeyServer(Server):
    """A Valkey server of our own, with an append-only file and a password.

    `fsync="always"`: an answered write is on the disk (credits). `"everysec"`: the last second may be lost (broker).
    `port=None` takes a free port and keeps it. The password must be free of whitespace and quotes.
    """

    def __init__(
        self,
        *,
        data_dir: Path,
        port: int | None = None,
        password: str,
        fsync: Fsync = "everysec",
        name: str = "valkey",
        log_path: Path | None = None,
    ) -> None:
        super().__init__()
        self.name = name
        self.data_dir = data_dir.absolute()
        self.port = port or free_port()
        self.log_path = log_path or self.data_dir / "valkey.log"
        self._password = password
        self._fsync = fsync

    def url(self, *, db: int = 0) -> str:
        """Return the address of a numbered database on this server, password included."""
        return f"redis://:{quote(self._password, safe='')}@{LOOPBACK}:{self.port}/{db}"

    def prepare(self) -> None:
        """Write the configuration file: a password on the command line could be read by every user of the machine."""
        self.data_dir.mkdir(parents=True, exist_ok=True)
        settings = {
            "bind": LOOPBACK,
            "port": str(self.port),
            "requirepass": self._password,
            "dir": f'"{self.data_dir}"',
            "appendonly": "yes",
            "appendfsync": self._fsync,
            "maxmemory-policy": "noeviction",
            # The append-only file is the record; snapshots beside it would only fork.
            "save": '""',
            "logfile": '""',
            "daemonize": "no",
        }
        self._config_path.touch(mode=0o600)
        self._config_path.write_text("".join(f"{name} {value}\n" for name, value in settings.items()), encoding="utf-8")

    def spec(self) -> ProcessSpec:
        """Return how the server is started; at a death of its parent it still writes its file to the disk."""
        return ProcessSpec(
            argv=[str(valkey_program()), str(self._config_path)],
            log_path=self.log_path,
            cwd=self.data_dir,
            death_signal=signal.SIGTERM,
        )

    def answers(self) -> bool:
        """PING with the password: `LOADING` while the file is being read counts as no."""
        command = f"AUTH {self._password}\r\nPING\r\n".encode()
        try:
            with socket.create_connection((LOOPBACK, self.port), timeout=PING_SECONDS_MAX) as connection:
                connection.sendall(command)
                with connection.makefile("rb") as answers:
                    return [answers.readline(), answers.readline()] == [b"+OK\r\n", b"+PONG\r\n"]
        except OSError:
            return False

    @property
    def _config_path(self) -> Path:
        return self.data_dir / "valkey.conf"
