"""`billing invariants`: what must always hold, checked on the live service."""

import typer

from billing.invariants import check_invariants
from cli.database import command_session
from cli.exit_codes import ExitCode
from cli.options import DEFAULT_DATA_DIR, DataDirOption, JsonOption
from cli.output import cross, data, print_json, tick

NAME_WIDTH = 26

app = typer.Typer(add_completion=False)


@app.command(epilog="Example: billing invariants --json")
def invariants(*, as_json: JsonOption = False, data_dir: DataDirOption = DEFAULT_DATA_DIR) -> None:
    """Check what must always hold, one line each. Exit code 1 when something does not.

    Reads only; beat runs the same checks every five minutes and logs what is broken.
    """
    with command_session(data_dir=data_dir) as session:
        findings = check_invariants(session)
    if as_json:
        print_json(
            [
                {"name": finding.invariant.name, "rule": finding.invariant.rule, "violations": finding.violations}
                for finding in findings
            ]
        )
    for finding in [] if as_json else findings:
        invariant, broken = finding
        mark = f"[red]{cross()}[/red]" if broken else f"[green]{tick()}[/green]"
        data().print(f"{mark} {invariant.name:<{NAME_WIDTH}}", end=" ")
        data().print(invariant.rule if not broken else f"{broken} times not: {invariant.rule}", markup=False)
        if broken:
            data().print(f"  mend: {invariant.mend}", markup=False)
    if any(finding.violations for finding in findings):
        raise typer.Exit(ExitCode.FAILED)
