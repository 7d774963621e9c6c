"""How long somebody waits for the preview of a change, while the API has half of what it can do to do."""

import itertools
import json
import random
from collections.abc import Iterator

import psycopg

from bench.billing_run import add_subscriptions
from bench.figures import Figure, measured, percentile
from bench.http_load import raw_request, run_load
from bench.rig import Rig
from billing.subscriptions.prefixes import SUBSCRIPTION_PREFIX
from models.ids import public_id

NAME = "preview"
_SUBSCRIPTIONS = 1_000
_CONNECTIONS = 8
_SECONDS = 5.0
_P99_MILLISECONDS = 50.0
_TEN_DAYS_AGO = (
    "UPDATE subscriptions SET anchor = begun, anchor_day = extract(day FROM begun), current_period_start = begun, "
    "current_period_end = begun + interval '1 month', next_action_at = begun + interval '1 month' "
    "FROM (SELECT date_trunc('second', now() - interval '10 days') AS begun) moment"
)


def measure(rig: Rig) -> Iterator[Figure]:
    """Yield how many previews a second there are, and how long one takes at half of them."""
    with psycopg.connect(rig.database_url, autocommit=True) as connection:
        add_subscriptions(connection, subscriptions=_SUBSCRIPTIONS, due=0)
        connection.execute(_TEN_DAYS_AGO)
        ids = [row[0] for row in connection.execute("SELECT id FROM subscriptions").fetchall()]
    headers = {"Authorization": f"Bearer {rig.api_key()}", "Content-Type": "application/json"}
    body = json.dumps({"plan": "team"}).encode()
    paths = [f"/subscriptions/{public_id(SUBSCRIPTION_PREFIX, each)}/preview" for each in ids]
    random.Random(1).shuffle(paths)
    made = [raw_request("POST", path, headers=headers, body=body) for path in paths]
    with rig.api() as port:
        turn = run_load(port=port, requests=itertools.cycle(made), connections=_CONNECTIONS, seconds=_SECONDS)
        yield measured("preview_rate", unit="previews/s", ours=[turn.per_second], note="all that the API can do")
        rate = turn.per_second / 2
        load = run_load(
            port=port, requests=itertools.cycle(made), connections=_CONNECTIONS, seconds=_SECONDS * 2, rate=rate
        )
        last = percentile(load.latencies, 0.99) * 1000
        note = f"steady {rate:.0f} previews/s, half the maximum"
        yield measured("preview_p99", unit="ms", ours=[last], note=note, goal=_P99_MILLISECONDS, at_most=True)
