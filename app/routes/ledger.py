"""The ledger: accounts, entries, trial balance."""

from collections.abc import Sequence

from flask import request
from flask_openapi.blueprint import APIBlueprint

from app.edge import CSV, Answer, Context, endpoint
from app.pagination import page_of
from app.routes.documentation import BEARER, answers
from app.schemas import ledger as schemas
from billing.customers.find import find_customer
from billing.ledger.balances import account_balances, trial_balance
from billing.ledger.find import EntryFilter, entries_where, postings_of_each
from billing.ledger.report import csv_of_entries, csv_of_trial_balance
from billing.ledger.representation import balance_representation, entry_representation
from models.ledger import LedgerEntry

REPORT_ENTRIES_MAX = 10_000

blueprint = APIBlueprint("ledger", __name__, abp_tags=[{"name": "Ledger"}], abp_security=BEARER)


@blueprint.get("/ledger/accounts", summary="List accounts", responses=answers(schemas.AccountBalances))
@endpoint(scope="ledger:read")
def list_accounts(context: Context, query: schemas.BalanceQuery) -> Answer:
    """Every account that has a posting, with its balance, in the order of the chart."""
    balances = account_balances(context.session, as_of=query.as_of)
    return Answer(body={"data": [balance_representation(balance) for balance in balances]})


@blueprint.get("/ledger/entries", summary="List ledger entries", responses=answers(schemas.EntryPage))
@endpoint(scope="ledger:read", offers_csv=True)
def list_entries(context: Context, query: schemas.EntryQuery) -> Answer:
    """Newest first, each with its postings; with `Accept: text/csv` the newest 10,000 as CSV, a line for each posting."""
    session = context.session
    customer = query.customer_id and find_customer(session, public=query.customer_id, own=context.own)
    found = entries_where(
        EntryFilter(
            customer_id=customer.id if customer else None,
            account=query.account,
            asset=query.asset,
            reference=query.reference,
            kind=query.kind,
            since=query.from_,
            until=query.to,
        )
    )
    if _wants_csv():
        newest = session.scalars(found.order_by(LedgerEntry.id.desc()).limit(REPORT_ENTRIES_MAX)).all()
        postings = postings_of_each(session, entry_ids=[entry.id for entry in newest])
        return Answer(csv=csv_of_entries(newest, postings=postings))

    def represent(entries: Sequence[LedgerEntry]) -> list[dict[str, object]]:
        postings = postings_of_each(session, entry_ids=[entry.id for entry in entries])
        return [entry_representation(entry, postings=postings[entry.id]) for entry in entries]

    return Answer(
        body=page_of(session, found, key=LedgerEntry.id, limit=query.limit, cursor=query.cursor, represent=represent)
    )


@blueprint.get("/ledger/trial-balance", summary="Get the trial balance", responses=answers(schemas.TrialBalance))
@endpoint(scope="ledger:read", offers_csv=True)
def get_trial_balance(context: Context, query: schemas.BalanceQuery) -> Answer:
    """All debits and all credits of each asset, which are equal; with `Accept: text/csv` as CSV."""
    totals = trial_balance(account_balances(context.session, as_of=query.as_of))
    if _wants_csv():
        return Answer(csv=csv_of_trial_balance(totals))
    return Answer(body={"data": [total._asdict() for total in totals]})


def _wants_csv() -> bool:
    return request.accept_mimetypes.best_match(["application/json", CSV]) == CSV
