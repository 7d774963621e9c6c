"""What the service's own commands do during a start: migrate the database and give out the installation's API key."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path

from local import migrations
from local.command import run_billing_command
from local.data_dir import DataDir
from local.errors import LocalStackError
from local.loopback_http import get

KEY_NAME = "local"
KEY_CHECK_PATH = "/customers?limit=1"
KEY_CHECK_SECONDS = 5.0


class KeyNotMade(LocalStackError):
    """The service did not give out an API key."""


class ServiceCommands:
    """Runs `billing` commands with the environment of the service's processes.

    `keep_waiting` is called while a command runs and may raise to give up.
    """

    def __init__(
        self, *, env: Mapping[str, str], data_dir: DataDir, project_root: Path, keep_waiting: Callable[[], None]
    ) -> None:
        self._env = env
        self._data_dir = data_dir
        self._project_root = project_root
        self._keep_waiting = keep_waiting

    def migrate(self) -> None:
        """Bring the database to the newest revision; does nothing where it stands there already."""
        database_url = self._env["DATABASE_URL"]
        versions_dir = self._project_root / "alembic"
        record_path = self._data_dir.migrated_path
        if migrations.are_current(record_path=record_path, versions_dir=versions_dir, database_url=database_url):
            return
        self._run("migrate", log_name="migrate")
        migrations.remember(record_path=record_path, versions_dir=versions_dir, database_url=database_url)

    def make_api_key(self) -> str:
        """Return a new API key with every scope. Raises CommandFailed, KeyNotMade."""
        printed = self._run("keys", "create", "--name", KEY_NAME, "--role", "admin", "--json", log_name="keys")
        try:
            key = json.loads(printed)["key"]
        except (ValueError, KeyError, TypeError) as fault:
            raise KeyNotMade(
                "`billing keys create --json` did not print an object with a key",
                mend="update the checkout as a whole: the command and the stack are not of one version",
            ) from fault
        return str(key)

    def _run(self, *arguments: str, log_name: str) -> str:
        return run_billing_command(
            arguments=arguments,
            env=self._env,
            cwd=self._project_root,
            log_path=self._data_dir.log_path(name=log_name),
            keep_waiting=self._keep_waiting,
        )


def key_is_known(*, api_url: str, api_key: str) -> bool:
    """Say whether the running service accepts the key; a database that was replaced does not know it."""
    answer = get(url=f"{api_url}{KEY_CHECK_PATH}", bearer=api_key, timeout_seconds=KEY_CHECK_SECONDS)
    return answer is None or answer.status != 401
