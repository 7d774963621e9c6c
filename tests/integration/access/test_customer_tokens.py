"""Customers' tokens: short-lived, for one customer's own objects, and never more than the key that issued them."""

from datetime import timedelta
from typing import Any

from billing.access.customer_tokens import issue_token
from billing.access.keys import list_keys, revoke_key
from billing.actor import OPERATOR_CLI
from billing.clock import utc_now
from models.api_key import Role
from models.ids import public_id, row_id
from tests.integration.app.asking import faults, require_problem
from tests.service.world import World


def token_of(world: World, customer: str, *, role: Role = Role.ADMIN, **body: object) -> str:
    answer = world.call("POST", f"/customers/{customer}/tokens", dict(body), role=role)
    assert answer.status_code == 201, answer.text
    return str(answer.json["token"])


def shape(problem: dict[str, Any]) -> dict[str, Any]:
    """Return a problem without what differs from request to request, nor the id that was asked for."""
    return {name: value for name, value in problem.items() if name not in {"request_id", "instance", "detail"}}


def test_a_token_reaches_its_own_customer_and_another_ones_is_as_good_as_missing(world: World) -> None:
    ada, bob = world.customer(), world.customer()
    of_ada, of_bob = world.pay(ada), world.pay(bob)
    token = token_of(world, ada)
    missing = {"cus": "cus_01h455vb4pex5vsknk084sn02q", "pay": "pay_01h455vb4pex5vsknk084sn02q"}

    assert world.call("GET", f"/customers/{ada}", key=token).json["id"] == ada
    assert world.call("GET", f"/payments/{of_ada['id']}", key=token).json["id"] == of_ada["id"]
    for path, other, nobody in (
        ("/customers/{}", bob, missing["cus"]),
        ("/customers/{}/payment-methods", bob, missing["cus"]),
        ("/payments/{}", of_bob["id"], missing["pay"]),
    ):
        first = world.call("GET", path.format(other), key=token)
        second = world.call("GET", path.format(nobody), key=token)
        assert first.status_code == second.status_code == 404
        assert shape(first.json) == shape(second.json)
        assert first.json["detail"].replace(other, "…") == second.json["detail"].replace(nobody, "…")


def test_lists_hold_only_what_is_its_own(world: World) -> None:
    ada, bob = world.customer(), world.customer()
    of_ada = world.accept_payment(ada)["id"]
    world.accept_payment(bob)
    token = token_of(world, ada)

    assert [row["id"] for row in world.call("GET", "/customers", key=token).json["data"]] == [ada]
    assert [row["id"] for row in world.call("GET", "/payments", key=token).json["data"]] == [of_ada]
    assert [row["id"] for row in world.call("GET", f"/payments?customer_id={ada}", key=token).json["data"]] == [of_ada]
    require_problem(world.call("GET", f"/payments?customer_id={bob}", key=token), status=404, code="customer_not_found")


def test_the_customer_is_implied_in_a_payment(world: World) -> None:
    ada, bob = world.customer(), world.customer()
    token = token_of(world, ada)
    body = {"amount": 100, "currency": "USD"}

    accepted = world.call("POST", "/payments/intent", body, key=token)
    assert (accepted.status_code, accepted.json["customer_id"]) == (202, ada)
    assert world.call("GET", f"/operations/{accepted.json['operation']['id']}", key=token).status_code == 200
    assert world.call("POST", "/payments/intent", {**body, "customer_id": ada}, key=token).status_code == 202
    other = world.call("POST", "/payments/intent", {**body, "customer_id": bob}, key=token)
    require_problem(other, status=404, code="customer_not_found")
    assert world.rows("SELECT DISTINCT actor FROM audit_entries WHERE action = 'payment.created'") == [{"actor": ada}]


def test_a_token_makes_no_customers_and_no_tokens_and_gives_itself_no_money_back(world: World) -> None:
    ada = world.customer()
    paid = world.pay(ada)
    token = token_of(world, ada)

    refused: tuple[tuple[str, dict[str, object]], ...] = (
        ("/customers", {"email": "x@example.com"}),
        (f"/customers/{ada}/tokens", {}),
        ("/payments/refund", {"payment_id": paid["id"], "amount": 1}),
        (f"/payments/{paid['id']}/capture", {}),
    )
    for path, body in refused:
        require_problem(world.call("POST", path, body, key=token), status=403, code="not_for_customers")
    require_problem(world.call("GET", "/audit-log", key=token), status=403, code="scope_missing")


def test_a_token_has_the_scopes_that_were_asked_for_and_none_that_its_issuer_lacks(world: World) -> None:
    ada = world.customer()
    reading = token_of(world, ada, scopes=["payments:read"])
    assert world.call("GET", "/payments", key=reading).status_code == 200
    for method, path in (("GET", f"/customers/{ada}"), ("POST", "/payments/intent")):
        require_problem(
            world.call(method, path, {} if method == "POST" else None, key=reading), status=403, code="scope_missing"
        )

    for scopes in (["audit:read"], ["payments:read", "everything"]):
        refused = world.call("POST", f"/customers/{ada}/tokens", {"scopes": scopes})
        assert faults(require_problem(refused, status=422, code="scopes_unknown")) == {("/scopes", "unknown_scope")}
    require_problem(
        world.call("POST", f"/customers/{ada}/tokens", {}, role=Role.READER), status=403, code="scope_missing"
    )


def test_a_token_ends_with_its_time_and_with_the_key_that_issued_it(world: World) -> None:
    ada = world.customer()
    token = token_of(world, ada, expires_in=60)
    assert world.call("GET", "/payments", key=token).status_code == 200

    pepper = world.settings.API_KEY_PEPPER.get_secret_value()
    with world.session() as session:
        (issuer,) = list_keys(session)
    expired, _ = issue_token(
        customer_id=row_id("cus", ada),
        scopes=None,
        issued_by=issuer.id,
        issuer_scopes=issuer.scopes,
        expires_in=timedelta(seconds=-1),
        mode="test",
        pepper=pepper,
        now=utc_now(),
    )
    forged = token[:20] + ("A" if token[20] != "A" else "B") + token[21:]
    for refused in (expired, forged, token.replace("_test_", "_live_")):
        require_problem(world.call("GET", "/payments", key=refused), status=401, code="key_refused")

    with world.session() as session:
        revoke_key(session, public=public_id("key", issuer.id), actor=OPERATOR_CLI, now=utc_now())
    require_problem(world.call("GET", "/payments", key=token), status=401, code="key_refused")
