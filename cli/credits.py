"""`billing credits`: prove that balances are the ledger's, rebuild the server's memory, catch up with purchases and usage."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Annotated
from uuid import UUID

import typer

from billing.clock import utc_now
from billing.credits.checks import CHECKS
from billing.credits.find import purchase_ids
from billing.credits.follow_payment import follow_payment
from billing.credits.rebuild import Rebuilt
from billing.credits.rebuild import rebuild as rebuild_memory
from billing.credits.verify import Difference, compare_with_server
from billing.errors import Unavailable
from billing.ledger.verify import Verdict
from billing.ledger.verify import verify as run_checks
from billing.runtime import Runtime
from billing.usage.charge import charge_failed_again
from billing.usage.checks import CHECKS as USAGE_CHECKS
from cli.database import command_runtime, command_session
from cli.exit_codes import ExitCode
from cli.failures import CommandFailure
from cli.options import DEFAULT_DATA_DIR, DataDirOption, JsonOption
from cli.output import cross, data, messages, print_json, tick

_SHOWN_MAX = 20
_TOGETHER = 1_000
app = typer.Typer(
    help="Credits: verify balances, rebuild the server, bring purchases and usage in line.",
    no_args_is_help=True,
    add_completion=False,
)


@app.callback()
def group() -> None:
    """Credits."""


@app.command(epilog="Example: billing credits verify --json")
def verify(*, as_json: JsonOption = False, data_dir: DataDirOption = DEFAULT_DATA_DIR) -> None:
    """Compare every balance on the credits server with the ledger, and the ledger's and the usage's own sums with each other.

    The service may run meanwhile: each account is compared at the number of its last operation. Exit code 1 when something
    differs.
    """
    runtime = command_runtime(data_dir=data_dir)
    accounts, differences, verdicts = 0, list[Difference](), list[Verdict]()
    try:
        for done, shard in enumerate(compare_with_server(runtime, now=utc_now), start=1):
            accounts += shard.accounts
            differences.extend(shard.differences)
            if done % 16 == 0:
                messages().print(f"… {done} of 64 shards, {accounts} accounts", style="dim")
        with runtime.transaction() as session:
            verdicts = list(run_checks(session, checks=(*CHECKS, *USAGE_CHECKS)))
    except Unavailable as error:
        raise _outside(error) from error
    finally:
        runtime.close()
    if as_json:
        print_json(_as_data(accounts, differences, verdicts))
    else:
        _print(accounts, differences, verdicts)
    broken = [verdict.check.name for verdict in verdicts if verdict.violations]
    if differences or broken:
        raise CommandFailure(
            f"credits differ: {len(differences)} accounts on the server{''.join(f', {name}' for name in broken)}",
            mend="where only the server differs: `billing credits rebuild`; for the rest see docs/explanation/credits.md",
            exit_code=ExitCode.FAILED,
        )


@app.command(epilog="Example: billing credits rebuild")
def rebuild(*, as_json: JsonOption = False, data_dir: DataDirOption = DEFAULT_DATA_DIR) -> None:
    """Write the credits server's memory anew from Postgres. Operations are answered 503 meanwhile, for seconds.

    What the journals still hold is drained first. The service does this by itself when it finds that the memory is lost.
    """
    runtime = command_runtime(data_dir=data_dir)
    last = 0

    def progress(accounts: int) -> None:
        nonlocal last
        if accounts - last >= 10_000:
            last = accounts
            messages().print(f"… {accounts} accounts", style="dim")

    try:
        rebuilt: Rebuilt = rebuild_memory(runtime, now=utc_now, progress=progress)
    except Unavailable as error:
        raise _outside(error) from error
    finally:
        runtime.close()
    if as_json:
        print_json({"epoch": rebuilt.epoch, "accounts": rebuilt.accounts})
    else:
        messages().print(f"{tick()} {rebuilt.accounts} accounts rebuilt, epoch {rebuilt.epoch}")


@app.command(epilog="Example: billing credits follow-payments --days 7")
def follow_payments(
    *,
    days: Annotated[int, typer.Option(help="How old purchases may be.", min=1, max=3650)] = 30,
    as_json: JsonOption = False,
    data_dir: DataDirOption = DEFAULT_DATA_DIR,
) -> None:
    """Bring purchases in line with their payments: give credits that were paid for, take back those of refunds and disputes.

    The service does this by itself as the money moves; this is for when it had given up.
    """
    runtime = command_runtime(data_dir=data_dir)
    looked_at = 0
    try:
        for purchase_id in _purchases(runtime, since=utc_now() - timedelta(days=days)):
            follow_payment(runtime, purchase_id=purchase_id, now=utc_now())
            looked_at += 1
            if looked_at % 1_000 == 0:
                messages().print(f"… {looked_at} purchases", style="dim")
    except Unavailable as error:
        raise _outside(error) from error
    finally:
        runtime.close()
    if as_json:
        print_json({"purchases": looked_at})
    else:
        messages().print(f"{tick()} {looked_at} purchases are in line with their payments")


@app.command(epilog="Example: billing credits charge-usage")
def charge_usage(*, as_json: JsonOption = False, data_dir: DataDirOption = DEFAULT_DATA_DIR) -> None:
    """Deduct again what usage events cost and the service had given up, after a long outage of the credits server, say.

    Harmless to repeat: what was deducted is known, and not deducted again.
    """
    with command_session(data_dir=data_dir) as session:
        again = charge_failed_again(session)
    if as_json:
        print_json({"charges": again})
    else:
        messages().print(f"{tick()} {again} charges are due again")


def _purchases(runtime: Runtime, *, since: datetime) -> Iterator[UUID]:
    after: UUID | None = None
    while True:
        with runtime.transaction() as session:
            found = purchase_ids(session, since=since, after=after, limit=_TOGETHER)
        yield from found
        if len(found) < _TOGETHER:
            return
        after = found[-1]


def _outside(error: Unavailable) -> CommandFailure:
    return CommandFailure(
        error.detail, mend="look at `billing status`, and call it again", exit_code=ExitCode.OUTSIDE_SERVICE
    )


def _as_data(accounts: int, differences: list[Difference], verdicts: list[Verdict]) -> dict[str, object]:
    return {
        "whole": not differences and not any(verdict.violations for verdict in verdicts),
        "accounts": accounts,
        "differences": [
            {"customer": str(difference.customer_id), "detail": difference.detail} for difference in differences
        ],
        "checks": [
            {
                "name": verdict.check.name,
                "rule": verdict.check.rule,
                "violations": [violation._asdict() for violation in verdict.violations],
                "more": verdict.more,
            }
            for verdict in verdicts
        ],
    }


def _print(accounts: int, differences: list[Difference], verdicts: list[Verdict]) -> None:
    mark = cross() if differences else tick()
    data().print(f"{mark} {accounts} accounts on the server, {len(differences)} of them not as the ledger says")
    for difference in differences[:_SHOWN_MAX]:
        data().print(f"    {difference.customer_id}: {difference.detail}")
    for verdict in verdicts:
        data().print(f"{cross() if verdict.violations else tick()} {verdict.check.rule}")
        for violation in verdict.violations[:_SHOWN_MAX]:
            data().print(f"    {violation.subject}: {violation.detail}")
