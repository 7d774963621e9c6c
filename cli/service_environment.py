"""Settings for commands that speak to the service's own servers: the shell's, or those of the running stack."""

import os
from pathlib import Path

from local.control import running_pid
from local.data_dir import DataDir
from local.service_environment import read_service_environment


def use_service_environment(*, data_dir: Path) -> None:
    """Make the running stack's settings this process's own, where the shell does not name a database itself.

    To be called before the settings are read. A value that the shell sets wins. Raises NotRunning.
    """
    if os.environ.get("DATABASE_URL"):
        return
    folder = DataDir(data_dir.resolve())
    running_pid(data_dir=folder)
    for name, value in read_service_environment(data_dir=folder).items():
        os.environ.setdefault(name, value)
