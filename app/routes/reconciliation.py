"""Reconciliation: what the nightly comparison with the gateway found."""

from collections.abc import Sequence

from flask import request
from flask_openapi.blueprint import APIBlueprint
from sqlalchemy import select

from app.edge import CSV, Answer, Context, endpoint
from app.pagination import page_of
from app.routes.documentation import BEARER, answers
from app.schemas import reconciliation as schemas
from app.schemas.base import PageQuery
from billing.reconciliation.find import differences_of, find_run, tallies
from billing.reconciliation.report import csv_report
from billing.reconciliation.representation import difference_representation, run_representation
from models.reconciliation import ReconciliationDifference, ReconciliationRun

REPORT_LINES_MAX = 10_000

blueprint = APIBlueprint("reconciliation", __name__, abp_tags=[{"name": "Reconciliation"}], abp_security=BEARER)


@blueprint.get("/reconciliation/runs", summary="List reconciliation runs", responses=answers(schemas.RunPage))
@endpoint(scope="reconciliation:read")
def list_(context: Context, query: PageQuery) -> Answer:
    """Newest first."""

    def represent(runs: Sequence[ReconciliationRun]) -> list[dict[str, object]]:
        counted = tallies(context.session, run_ids=[run.id for run in runs])
        return [run_representation(run, tally=counted[run.id]) for run in runs]

    return Answer(
        body=page_of(
            context.session,
            select(ReconciliationRun),
            key=ReconciliationRun.id,
            limit=query.limit,
            cursor=query.cursor,
            represent=represent,
        )
    )


@blueprint.get(
    "/reconciliation/runs/<run_id>",
    summary="Get a reconciliation run",
    responses=answers(schemas.RunWithDifferences),
)
@endpoint(scope="reconciliation:read", offers_csv=True)
def get(context: Context, path: schemas.RunPath, query: PageQuery) -> Answer:
    """The run with its totals and a page of its differences; with `Accept: text/csv` the newest 10,000 of these as CSV."""
    run = find_run(context.session, public=path.run_id)
    if request.accept_mimetypes.best_match(["application/json", CSV]) == CSV:
        newest = differences_of(run.id).order_by(ReconciliationDifference.id.desc()).limit(REPORT_LINES_MAX)
        return Answer(csv=csv_report(context.session.scalars(newest).all()))
    shown = page_of(
        context.session,
        differences_of(run.id),
        key=ReconciliationDifference.id,
        limit=query.limit,
        cursor=query.cursor,
        represent=lambda found: [difference_representation(difference) for difference in found],
    )
    tally = tallies(context.session, run_ids=[run.id])[run.id]
    return Answer(body={**run_representation(run, tally=tally), "differences": shown})
