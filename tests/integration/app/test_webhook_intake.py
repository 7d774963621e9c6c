"""What comes to /webhooks/stripe is stored once when it is signed, from now and of this mode, and refused otherwise."""

import gzip
import json
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from billing.clock import utc_now
from tests.integration.app.asking import require_problem, rows_of_all_tables
from tests.service.servers import WEBHOOK_SECRET, ServiceServers
from tests.service.world import World, sign, signed_body

OLD_SECRET = "whsec_" + "o" * 40
EVENT: dict[str, Any] = {"id": "evt_1", "type": "charge.updated", "livemode": False, "data": {"object": {"id": "ch_1"}}}
BODY = signed_body(EVENT)
DELIVERIES = 20


def at(seconds: int) -> int:
    return int(utc_now().timestamp()) + seconds


def test_a_signed_event_is_stored_once_and_a_repeat_is_answered_as_well(world: World) -> None:
    first, again = world.deliver_raw(BODY), world.deliver_raw(BODY)

    assert (first.status_code, first.json) == (200, {"received": True, "duplicate": False})
    assert (again.status_code, again.json) == (200, {"received": True, "duplicate": True})
    assert world.count("inbox_events") == 1


def test_bad_signatures_are_refused_and_leave_nothing(refusing: World) -> None:
    before = rows_of_all_tables(refusing)
    good = sign(BODY)
    timestamp, _, v1 = good.partition(",v1=")
    headers = [
        "", ",", "garbage", timestamp, f"v1={v1}", f"{timestamp},v1=", f"t=,v1={v1}", f"t=-5,v1={v1}", f"t=now,v1={v1}",
        f"{timestamp},{timestamp},v1={v1}", f"{timestamp},v0={v1}", f"{timestamp},v1={v1[:-1]}",
        f"{timestamp},v1={'é' * 64}",
        f"{timestamp}" + f",v1={'0' * 64}" * 10_000, f"{timestamp}" + ",v1=0" * 17, f"{timestamp}.5,v1={v1}",
        sign(BODY, at=at(-310)), sign(BODY, at=at(-600)), sign(BODY, at=at(310)), sign(BODY, at=at(315_360_000)),
        sign(BODY, at=0),
        sign(BODY, secret="whsec_" + "x" * 40), sign(BODY, secret=""), sign(BODY + b" "),
        sign(json.dumps(EVENT, indent=1).encode()),
    ]  # fmt: skip
    for header in headers:
        require_problem(refusing.deliver_raw(BODY, signature=header), status=400, code="signature_invalid")
    unsigned = refusing.app.test_client().post("/webhooks/stripe", data=BODY)
    require_problem(unsigned, status=400, code="signature_invalid")
    assert rows_of_all_tables(refusing) == before


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"", 400, "event_malformed"),
        (b"null", 400, "event_malformed"),
        (b"[]", 400, "event_malformed"),
        (b"\xff\xfe", 400, "event_malformed"),
        (BODY.replace(b"charge", b"\xc3\x28"), 400, "event_malformed"),
        (gzip.compress(BODY), 400, "event_malformed"),
        (BODY.replace(b"evt_1", b""), 400, "event_malformed"),
        (BODY.replace(b'"ch_1"', b"1e400"), 400, "event_malformed"),
        (BODY.replace(b'"ch_1"', b"NaN"), 400, "event_malformed"),
        (BODY.replace(b'"ch_1"', b"[" * 5000 + b"]" * 5000), 400, "event_malformed"),
        (BODY.replace(b"false", b"true"), 400, "event_of_other_mode"),
        (BODY + b" " * 1024 * 1024, 413, "body_too_large"),
    ],
    ids=range(12),
)
def test_signed_bodies_that_are_no_event_of_ours(refusing: World, body: bytes, status: int, code: str) -> None:
    before = rows_of_all_tables(refusing)

    require_problem(refusing.deliver_raw(body), status=status, code=code)
    assert rows_of_all_tables(refusing) == before


def test_while_rotating_either_secret_is_taken(servers: ServiceServers) -> None:
    servers.reset()
    with World.open(servers, STRIPE_WEBHOOK_SECRET=f"{WEBHOOK_SECRET},{OLD_SECRET}") as world:
        by_both = sign(BODY, secret=OLD_SECRET) + "," + sign(BODY).partition(",")[2]
        for signature in (sign(BODY), sign(BODY, secret=OLD_SECRET), by_both):
            assert world.deliver_raw(BODY, signature=signature).status_code == 200
        assert world.count("inbox_events") == 1


def test_what_postgres_cannot_store_is_shown_in_its_place(world: World) -> None:
    event = {**EVENT, "id": "evt_\x00\ud800", "data": {"object": {"a\x00": ["\x00", "\udfff"], "n": 10**30, "f": 1.5}}}
    body = json.dumps(event).encode()

    assert world.deliver_raw(body).status_code == 200
    assert world.deliver_raw(body).json["duplicate"] is True
    (stored,) = world.rows("SELECT external_id, payload FROM inbox_events")
    assert "\x00" not in json.dumps(stored["payload"], ensure_ascii=False)
    assert stored["payload"]["data"]["object"]["n"] == 10**30


def test_many_deliveries_at_once_are_one_row(world: World) -> None:
    barrier = threading.Barrier(DELIVERIES)

    def deliver(_: int) -> Any:
        barrier.wait(timeout=20)
        return world.deliver_raw(BODY)

    with ThreadPoolExecutor(DELIVERIES) as pool:
        answers = list(pool.map(deliver, range(DELIVERIES)))

    # Who finds no free connection is told to come back, and the gateway does.
    assert {answer.status_code for answer in answers} <= {200, 503}
    assert [answer.json for answer in answers].count({"received": True, "duplicate": False}) == 1
    assert world.count("inbox_events") == 1
