"""`billing audit`: prove that the audit log is whole."""

import json
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Annotated

import typer

from billing.audit_chain import Anchor, verify_chain
from billing.settings import encryption_key_bytes, settings
from cli.database import command_session
from cli.exit_codes import ExitCode
from cli.failures import CommandFailure
from cli.options import DEFAULT_DATA_DIR, DataDirOption, JsonOption
from cli.output import data, messages, print_json, tick

HEAD_EVENT = "audit.sealed"
FINDINGS_MAX = 1_000

app = typer.Typer(help="The audit log: verify its hash chain.", no_args_is_help=True, add_completion=False)


@app.callback()
def group() -> None:
    """The audit log."""


@app.command(epilog="Example: billing audit verify --log .billing/log/worker-maintenance.log")
def verify(
    *,
    log: Annotated[
        list[Path] | None,
        typer.Option(exists=True, dir_okay=False, help="A log in which heads were written down; repeatable."),
    ] = None,
    as_json: JsonOption = False,
    data_dir: DataDirOption = DEFAULT_DATA_DIR,
) -> None:
    """Find any edited, inserted or removed entry. Exit code 1 when something is wrong.

    A tail that was cut together with the signed head shows only against heads outside the database: those that the sealing
    worker wrote to its log. The local stack's logs are read by themselves; name others with --log.
    """
    logs = log or sorted((data_dir / "log").glob("worker-*.log*"))
    anchors = [anchor for path in logs for anchor in _anchors(path)]
    with command_session(data_dir=data_dir) as session:
        keys = [encryption_key_bytes(key) for key in settings().ENCRYPTION_KEY]
        findings = list(islice(verify_chain(session, keys=keys, anchors=anchors), FINDINGS_MAX))
    if as_json:
        print_json(
            {"whole": not findings, "anchors": len(anchors), "findings": [finding._asdict() for finding in findings]}
        )
    for finding in [] if as_json else findings:
        data().print(
            f"{'place ' + str(finding.seq) if finding.seq else 'beside the chain'}: {finding.problem}", markup=False
        )
    if findings:
        raise CommandFailure(
            f"the audit log is not whole: {len(findings)} finding(s)",
            mend="compare with a backup; who may write to the database beside the service?",
            exit_code=ExitCode.FAILED,
        )
    messages().print(f"{tick()} the audit log is whole ({len(anchors)} heads in logs agree)")


def _anchors(path: Path) -> Iterator[Anchor]:
    with path.open(encoding="utf-8", errors="replace") as lines:
        for line in lines:
            if HEAD_EVENT not in line:
                continue
            try:
                written = json.loads(line)
                yield Anchor(int(written["seq"]), bytes.fromhex(written["head"]))
            except (ValueError, KeyError, TypeError):
                continue
