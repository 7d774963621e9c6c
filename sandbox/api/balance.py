"""Routes of the balance and its transactions."""

from collections import defaultdict

from sandbox.api.lists import PAGE_WITH_AGE, list_objects
from sandbox.api.routing import Call, Route
from sandbox.json_types import Json
from sandbox.objects.balance import settled_status
from sandbox.wire.parameters import Text

_TOTALS = """
    SELECT json_extract(body, '$.currency'), json_extract(body, '$.available_on') <= ?,
           sum(json_extract(body, '$.net'))
    FROM objects WHERE kind = 'balance_transaction' GROUP BY 1, 2
"""


def _balance(call: Call) -> Json:
    totals: defaultdict[bool, dict[str, int]] = defaultdict(dict)
    for currency, is_available, net in call.work.transaction.sql.execute(_TOTALS, (call.work.created,)):
        totals[bool(is_available)][currency] = int(net)
    currencies = sorted({*totals[True], *totals[False]} or {"usd"})
    return {
        "object": "balance",
        "available": [_amount(totals[True], currency) for currency in currencies],
        "connect_reserved": [{"amount": 0, "currency": currency} for currency in currencies],
        "livemode": False,
        "pending": [_amount(totals[False], currency) for currency in currencies],
        "refund_and_dispute_prefunding": {"available": [], "pending": []},
    }


def _retrieve(call: Call) -> Json:
    entry = call.work.get("balance_transaction", call.ids["entry"], param="id")
    return {**entry, "status": settled_status(entry, now=call.work.now)}


def _list(call: Call) -> Json:
    facets = {name: call.params.get(name) for name in ("source", "type")}
    answer = list_objects(call=call, kind="balance_transaction", url="/v1/balance_transactions", facets=facets)
    for entry in answer["data"]:
        entry["status"] = settled_status(entry, now=call.work.now)
    return answer


def _amount(totals: dict[str, int], currency: str) -> Json:
    amount = totals.get(currency, 0)
    return {"amount": amount, "currency": currency, "source_types": {"card": amount}}


ROUTES = (
    Route("GET", "/v1/balance", _balance),
    Route("GET", "/v1/balance_transactions", _list, {**PAGE_WITH_AGE, "source": Text(), "type": Text()}),
    Route("GET", "/v1/balance_transactions/{entry}", _retrieve),
)
