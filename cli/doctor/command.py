"""`billing doctor`: runs the checks and prints what they found."""

import os
from dataclasses import asdict
from typing import Annotated

import typer

from billing.settings import InvalidSettings, Settings, load_settings
from cli.doctor.credit_servers import check_credits
from cli.doctor.finding import Finding, failed, not_checked, ok
from cli.doctor.machine import check_api, check_disk, check_programs, check_python
from cli.doctor.postgres import check_postgres
from cli.doctor.redis_servers import check_redis, check_roles
from cli.doctor.stripe_account import check_stripe
from cli.exit_codes import ExitCode
from cli.options import DEFAULT_DATA_DIR, DataDirOption, JsonOption
from cli.output import data, print_json
from cli.service_environment import use_service_environment
from local.data_dir import DataDir
from local.errors import NotRunning
from local.project import PROJECT_ROOT

DEFAULT_PORT = 3005
COLOURS = {"ok": "green", "warning": "yellow", "failed": "red", "not checked": "dim"}
CHECK_WIDTH = 20
VERDICT_WIDTH = 12

app = typer.Typer(add_completion=False)


@app.command(epilog="Example: billing doctor")
def doctor(
    *,
    data_dir: DataDirOption = DEFAULT_DATA_DIR,
    port: Annotated[
        int, typer.Option(envvar="BILLING_SERVICE_PORT", min=1, max=65535, help="Port that the API is to have.")
    ] = DEFAULT_PORT,
    as_json: JsonOption = False,
) -> None:
    """Check the installation: this machine, the settings, every server, and the connection to Stripe.

    Looks at what the environment names, else at the running stack. Exit code 1 when a check fails.
    """
    findings = examine(data_dir=DataDir(data_dir.resolve()), port=port)
    if as_json:
        print_json([asdict(finding) for finding in findings])
    else:
        for finding in findings:
            _show(finding)
    if any(finding.verdict == "failed" for finding in findings):
        raise typer.Exit(ExitCode.FAILED)


def examine(*, data_dir: DataDir, port: int) -> list[Finding]:
    """Run every check and return what was found, in the order in which things are best mended."""
    machine = [check_python(), check_disk(data_dir=data_dir.path)]
    # With a database of one's own there is no local stack: the embedded programs may be missing, and its port is the API's.
    if not os.environ.get("DATABASE_URL"):
        machine += [*check_programs(), check_api(data_dir=data_dir, port=port)]
    try:
        use_service_environment(data_dir=data_dir.path)
    except NotRunning as reason:
        return [
            *machine,
            not_checked("settings", reason.problem, mend="billing up, or set DATABASE_URL and the others"),
        ]
    try:
        settings = load_settings()
    except InvalidSettings as invalid:
        return [*machine, *(failed("settings", fault, mend="correct the variable") for fault in invalid.faults)]
    return [*machine, ok("settings", f"complete ({settings.BILLING_ENV.value})"), *_check_servers(settings)]


def _check_servers(settings: Settings) -> list[Finding]:
    return [
        *check_postgres(url=settings.DATABASE_URL.get_secret_value(), migrations_dir=PROJECT_ROOT / "alembic"),
        *check_redis(role="broker", url=settings.broker_url, setting="CELERY_BROKER_URL", is_record=False),
        *check_credits(settings),
        check_roles(broker_url=settings.broker_url, credits_url=settings.credits_url),
        *check_stripe(api_base=settings.STRIPE_API_BASE, secret_key=settings.STRIPE_SECRET_KEY.get_secret_value()),
    ]


def _show(finding: Finding) -> None:
    verdict = f"[{COLOURS[finding.verdict]}]{finding.verdict:<{VERDICT_WIDTH}}[/]"
    data().print(f"{verdict}{finding.check:<{CHECK_WIDTH}}", end=" ")
    data().print(finding.seen, markup=False, soft_wrap=True)
    if finding.mend is not None:
        data().print(f"{'':<{VERDICT_WIDTH}}mend: {finding.mend}", markup=False, soft_wrap=True)
