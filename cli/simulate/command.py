"""`billing simulate`: a cohort lives through months on test clocks, and the books are printed and checked."""

import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import timedelta
from typing import Annotated, NamedTuple
from uuid import UUID

import httpx
import typer
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

from billing.invariants import check_invariants
from billing.runtime import Runtime
from billing.test_clocks.find import has_unfinished_work
from billing.test_clocks.representation import PREFIX as CLOCK_PREFIX
from cli.database import command_runtime
from cli.demo.exchange import ServiceApi
from cli.exit_codes import ExitCode
from cli.failures import CommandFailure
from cli.options import DEFAULT_DATA_DIR, DataDirOption, JsonOption
from cli.output import may_animate, messages, print_json
from cli.simulate.behavior import Offer, end_of, plan_cohort
from cli.simulate.books import Books, read_books
from cli.simulate.checks import Verdict, check_books
from cli.simulate.play import Lived, SimulationBroken, play
from cli.simulate.report import as_data, offers_of
from cli.simulate.telling import tell_books
from local.data_dir import DataDir
from local.stack_file import StackFile, running_stack
from models.ids import row_id

CUSTOMERS_MAX, MONTHS_MAX = 10_000, 24
# How long the workers may take for what the last moment left behind, webhooks among it.
_SETTLE_SECONDS_MAX = 120.0
_SETTLE_PAUSE_SECONDS = 0.2
_LINE_EVERY = 0.05
app = typer.Typer(add_completion=False)


class Simulated(NamedTuple):
    """What a simulation came to."""

    books: Books
    verdicts: list[Verdict]
    clocks: list[Lived]
    seconds: float


@app.command(epilog="Example: billing simulate --customers 100 --months 12 --seed 7")
def simulate(
    *,
    customers: Annotated[int, typer.Option(min=1, max=CUSTOMERS_MAX, help="How many customers sign up.")] = 100,
    months: Annotated[int, typer.Option(min=1, max=MONTHS_MAX, help="How long they are watched.")] = 12,
    seed: Annotated[int, typer.Option(help="The same seed gives the same customers, and the same books.")] = 1,
    keep: Annotated[bool, typer.Option("--keep", help="Keep the test clocks and their customers.")] = False,
    as_json: JsonOption = False,
    data_dir: DataDirOption = DEFAULT_DATA_DIR,
) -> None:
    """Let a cohort of customers live through months in minutes, then print the books and check them.

    They subscribe with trials and without, pay by card and by invoice, and have cards that fail; they pause, cancel and come
    back. All of it goes through the running stack's API, workers and sandbox, in the time of test clocks, which are deleted at
    the end with their customers. Exit code 1 when a rule of the books does not hold.
    """
    stack = running_stack(data_dir=DataDir(data_dir.resolve()))
    if stack.stripe_api_base is None:
        raise CommandFailure(
            "a simulation needs the Stripe sandbox, and this stack uses Stripe itself",
            mend="unset STRIPE_SECRET_KEY, then billing up",
            exit_code=ExitCode.CONFIGURATION,
        )
    runtime = command_runtime(data_dir=data_dir)
    try:
        done = _run(stack, runtime, customers=customers, months=months, seed=seed, keep=keep)
    except (SimulationBroken, httpx.HTTPError) as error:
        raise CommandFailure(
            f"the simulation broke off: {error}", mend="see `billing status` and `billing logs`; then run it again"
        ) from None
    finally:
        runtime.close()
    if as_json:
        print_json({"seed": seed, "months": months, **as_data(done.books, done.verdicts)})
    else:
        tell_books(done.books, done.verdicts, seconds=done.seconds)
    if keep:
        kept = ", ".join(lived.clock_id for lived in done.clocks)
        messages().print(f"Kept, see `billing clock list`: {kept}", markup=False, soft_wrap=True)
    if any(verdict.broken for verdict in done.verdicts):
        raise typer.Exit(ExitCode.FAILED)


def _run(stack: StackFile, runtime: Runtime, *, customers: int, months: int, seed: int, keep: bool) -> Simulated:
    """Let the cohort live, read its books, and delete its clocks whatever happened, unless they are to be kept."""
    began = time.monotonic()
    end = end_of(months)
    clock_ids: list[str] = []
    with closing(ServiceApi(api_url=stack.api_url, api_key=stack.api_key)) as api:
        try:
            plans = plan_cohort(customers=customers, months=months, seed=seed, offers=_offers(api))
            with _progress(customers=customers, months=months, clocks=len(plans)) as come_on:
                lived = play(api, plans, end=end, named=f"simulation {seed}", begun=clock_ids.append, come_on=come_on)
            rows = [row_id(CLOCK_PREFIX, each.clock_id) for each in lived]
            _let_settle(runtime, rows)
            with runtime.transaction() as session:
                books = read_books(session, clock_ids=rows)
                findings = check_invariants(session)
        finally:
            for clock_id in [] if keep else clock_ids:
                api.delete(f"/test-clocks/{clock_id}")
    pauses = {subscription: spans for each in lived for subscription, spans in each.pauses.items()}
    broken = tuple(f"{found.invariant.name}, {found.violations} times" for found in findings if found.violations)
    verdicts = [
        *check_books(books, pauses=pauses, end=end),
        Verdict("every invariant of the installation holds", broken),
    ]
    return Simulated(books, verdicts, lived, time.monotonic() - began)


def _offers(api: ServiceApi) -> list[Offer]:
    offers = offers_of(api.get("/plans", limit="100").answer.get("data", ()))
    if not offers:
        raise CommandFailure(
            "the catalog offers no plan at a list price by the month or the year",
            mend="see `billing plans list`, and `billing catalog apply`",
        )
    return offers


def _let_settle(runtime: Runtime, clock_ids: list[UUID]) -> None:
    """Wait until no work of the clocks' customers is left, so that the books are whole. Raises SimulationBroken."""
    deadline = time.monotonic() + _SETTLE_SECONDS_MAX
    for clock_id in clock_ids:
        while True:
            with runtime.transaction() as session:
                if not has_unfinished_work(session, clock_id=clock_id):
                    break
            if time.monotonic() > deadline:
                raise SimulationBroken("the workers do not finish what the last moment left; see `billing status`")
            time.sleep(_SETTLE_PAUSE_SECONDS)


@contextmanager
def _progress(*, customers: int, months: int, clocks: int) -> Iterator[Callable[[float], None]]:
    """Yield what hears of each part of a clock's way: a bar for a person, a line now and then elsewhere."""
    title = f"{customers} customers, {months} months"
    if may_animate():
        columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeElapsedColumn())
        with Progress(*columns, console=messages(), transient=True) as bar:
            task = bar.add_task(title, total=clocks)
            yield lambda part: bar.advance(task, part)
        return
    told = _Told(clocks=clocks, title=title)
    yield told.come_on


class _Told:
    """Tells how far the clocks have come, a line for each twentieth."""

    def __init__(self, *, clocks: int, title: str) -> None:
        self._clocks = clocks
        self._title = title
        self._done = self._said = 0.0
        self._began = time.monotonic()

    def come_on(self, part: float) -> None:
        self._done += part / self._clocks
        if self._done - self._said >= _LINE_EVERY:
            self._said = self._done
            spent = timedelta(seconds=round(time.monotonic() - self._began))
            messages().print(f"… {self._title}: {self._done:.0%} after {spent}", style="dim", markup=False)
