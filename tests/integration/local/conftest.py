"""A directory that the embedded servers can use: short, and open to the user under which Postgres runs."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture
def data_dir() -> Iterator[Path]:
    # Not tmp_path: as root that lies below a directory of mode 0700, which only one of the tests is about.
    directory = Path(tempfile.mkdtemp(prefix="billing-local-"))
    directory.chmod(0o711)
    yield directory
    shutil.rmtree(directory)
