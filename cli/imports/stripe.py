"""`billing import stripe-subscription`: a subscription that Stripe bills goes on here."""

import time
from contextlib import nullcontext
from typing import Annotated

import typer

from billing.actor import OPERATOR_CLI
from billing.clock import utc_now
from billing.errors import BillingError, Unavailable
from billing.mirror.import_subscription import preview_import, request_import
from billing.mirror.import_terms import ImportTerms
from billing.mirror.observe import observe_mirror
from billing.operations import representation
from billing.runtime import Runtime
from billing.timestamps import iso
from cli.database import command_runtime
from cli.exit_codes import ExitCode
from cli.failures import CommandFailure
from cli.options import DEFAULT_DATA_DIR, DataDirOption, JsonOption
from cli.output import data, may_animate, messages, print_json, tick
from models.operation import Operation, OperationStatus

_LOOK_SECONDS = 0.2
_PENDING = (OperationStatus.QUEUED, OperationStatus.RUNNING)


def stripe_subscription(
    *,
    gateway_id: Annotated[str, typer.Argument(metavar="SUBSCRIPTION", help="Its id at Stripe, sub_…")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would happen and change nothing.")] = False,
    wait: Annotated[int, typer.Option(min=0, max=600, help="Seconds to wait for the workers.")] = 30,
    as_json: JsonOption = False,
    data_dir: DataDirOption = DEFAULT_DATA_DIR,
) -> None:
    """Take a subscription over from Stripe: it ends there with its present period, and goes on here.

    Same plan, quantity, currency, payment method and day of the month; the first invoice of this service is that of the next
    period. A worker does it; if that is cut off, it is gone on with. Harmless to repeat.
    """
    runtime = command_runtime(data_dir=data_dir)
    try:
        if dry_run:
            _show(gateway_id, _preview(runtime, gateway_id), as_json=as_json)
            return
        operation = _wait(runtime, _request(runtime, gateway_id), seconds=wait)
    except Unavailable as error:
        raise CommandFailure(
            error.detail, mend="try again later; see `billing doctor`", exit_code=ExitCode.OUTSIDE_SERVICE
        ) from error
    except BillingError as error:
        raise CommandFailure(error.detail, mend="nothing was changed; see docs/how-to/keep-stripe-billing.md") from None
    finally:
        runtime.close()
    _report(gateway_id, operation, as_json=as_json)


def _preview(runtime: Runtime, gateway_id: str) -> ImportTerms:
    """Return the terms; what was looked at is rolled back."""
    observation = observe_mirror(runtime, gateway_id=gateway_id)
    with runtime.transaction() as session:
        _, terms = preview_import(session, observation=observation, actor=OPERATOR_CLI, now=utc_now())
        session.rollback()
    return terms


def _request(runtime: Runtime, gateway_id: str) -> Operation:
    observation = observe_mirror(runtime, gateway_id=gateway_id)
    with runtime.transaction() as session:
        return request_import(session, observation=observation, actor=OPERATOR_CLI, now=utc_now())


def _wait(runtime: Runtime, operation: Operation, *, seconds: int) -> Operation:
    deadline = time.monotonic() + seconds
    status = messages().status("waiting for the workers") if may_animate() else nullcontext()
    with status:
        while operation.status in _PENDING and time.monotonic() < deadline:
            time.sleep(_LOOK_SECONDS)
            with runtime.transaction() as session:
                operation = session.get_one(Operation, operation.id)
    return operation


def _show(gateway_id: str, terms: ImportTerms, *, as_json: bool) -> None:
    shown = {
        "gateway_id": gateway_id,
        "plan": terms.plan_code,
        "interval": str(terms.interval),
        "currency": terms.currency,
        "quantity": terms.quantity,
        "amount": terms.amount_minor,
        "starts_at": iso(terms.starts_at),
    }
    if as_json:
        print_json(shown)
        return
    data().print(
        f"{gateway_id} would end at Stripe on {shown['starts_at']} and go on here from then: {terms.quantity} × "
        f"{terms.plan_code} by the {terms.interval}, {terms.amount_minor} minor units of {terms.currency} a period before tax",
        markup=False,
        soft_wrap=True,
    )
    messages().print("nothing was changed")


def _report(gateway_id: str, operation: Operation, *, as_json: bool) -> None:
    shown = representation(operation)
    if as_json:
        print_json(shown)
    if operation.status is OperationStatus.FAILED:
        detail = (operation.outcome_body or {}).get("detail", "see the log of worker-network")
        raise CommandFailure(f"{gateway_id} was not imported: {detail}", mend="mend that, and import it again")
    if as_json:
        return
    if operation.status in _PENDING:
        messages().print(
            f"{shown['id']} is {operation.status}: the workers go on with it; see GET /operations/{shown['id']}"
        )
        return
    body = operation.outcome_body or {}
    messages().print(f"{tick()} {gateway_id} goes on as {body['id']} from {body['current_period_end']}", markup=False)
