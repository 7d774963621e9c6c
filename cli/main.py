"""The `billing` command: its table of sub-commands, and how a failure becomes a message and an exit code."""

import sys
from typing import ClassVar

import typer

from cli.failures import CommandFailure, report_failure
from cli.lazy import CommandSource, LazyGroup
from local.errors import LocalStackError

INTERRUPTED = 130


class BillingGroup(LazyGroup):
    """Every sub-command, in the order of the overview."""

    sources: ClassVar[dict[str, CommandSource]] = {
        "up": CommandSource(module="cli.up", summary="Start the whole local stack and keep it running."),
        "down": CommandSource(module="cli.down", summary="Stop the running stack."),
        "status": CommandSource(module="cli.status", summary="Show the running stack: addresses, keys, processes."),
        "logs": CommandSource(module="cli.logs", summary="Show the logs of the stack's processes."),
        "restart": CommandSource(module="cli.restart", summary="Restart one process of the stack."),
        "doctor": CommandSource(module="cli.doctor.command", summary="Check the installation, one line per check."),
        "demo": CommandSource(module="cli.demo.command", summary="Tell the demo story against the running stack."),
        "simulate": CommandSource(
            module="cli.simulate.command", summary="Let customers live through months, and check the books."
        ),
        "migrate": CommandSource(module="cli.migrate", summary="Bring the database to the newest revision."),
        "keys": CommandSource(module="cli.keys", summary="API keys: create, list, revoke."),
        "plans": CommandSource(module="cli.plans", summary="The catalog of plans: list, show."),
        "catalog": CommandSource(
            module="cli.catalog", summary="The catalog: apply a file, export, a customer's price."
        ),
        "import": CommandSource(
            module="cli.imports.command", summary="Import customers and subscriptions, from files or from Stripe."
        ),
        "clock": CommandSource(module="cli.clock", summary="Test clocks: create, list, show, advance, delete."),
        "mirror": CommandSource(module="cli.mirror", summary="Subscriptions that Stripe bills: list, sync."),
        "webhooks": CommandSource(module="cli.webhooks", summary="The webhook inbox: list, show, replay, resync."),
        "reconcile": CommandSource(module="cli.reconcile", summary="Compare with Stripe, and settle what differs."),
        "invariants": CommandSource(
            module="cli.invariants", summary="Check what must always hold, on the live service."
        ),
        "credits": CommandSource(module="cli.credits", summary="Credits: verify balances, rebuild the server."),
        "ledger": CommandSource(module="cli.ledger", summary="The ledger: verify it, post what is missing."),
        "audit": CommandSource(module="cli.audit", summary="The audit log: verify its hash chain."),
        "reference": CommandSource(
            module="cli.reference.command", summary="Write the reference pages anew from the code."
        ),
        "sandbox": CommandSource(module="cli.sandbox", summary="Run the Stripe sandbox alone."),
    }


app = typer.Typer(
    cls=BillingGroup,
    help="Run and operate the billing service.",
    epilog="Example: billing up --port 3006",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


@app.callback()
def root() -> None:
    """Run and operate the billing service."""


def main() -> None:
    """Run the command line; what a user can mend becomes a message and an exit code."""
    try:
        app()
    except (CommandFailure, LocalStackError) as failure:
        sys.exit(report_failure(failure))
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)


if __name__ == "__main__":
    main()
