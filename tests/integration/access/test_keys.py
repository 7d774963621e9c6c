"""API keys: who is let in, who is not, and that a key's text is kept nowhere."""

import json
from datetime import timedelta
from typing import Any

import pytest
import redis

from billing.access.key_text import new_key_text
from billing.access.keys import create_key, revoke_key
from billing.actor import OPERATOR_CLI
from billing.clock import utc_now
from models.api_key import ApiKey, Role
from models.ids import public_id
from tests.integration.app.asking import require_problem, statements
from tests.service.world import World

REDIS_DATABASES = 3


def make_key(world: World, *, lifetime: timedelta | None = None, scopes: list[str] | None = None) -> tuple[ApiKey, str]:
    with world.session() as session:
        return create_key(
            session,
            name="another",
            mode="test",
            role=Role.ADMIN,
            scopes=scopes,
            expires_at=utc_now() + lifetime if lifetime is not None else None,
            pepper=world.settings.API_KEY_PEPPER.get_secret_value(),
            actor=OPERATOR_CLI,
            now=utc_now(),
        )


def get(world: World, authorization: str | None, path: str = "/customers") -> Any:
    headers = {} if authorization is None else {"Authorization": authorization}
    return world.app.test_client().get(path, headers=headers)


def require_refused(answer: Any) -> None:
    problem = require_problem(answer, status=401, code="key_refused")
    assert answer.headers["WWW-Authenticate"] == 'Bearer realm="billing"'
    assert "errors" not in problem


def test_what_cannot_be_a_key_is_refused_without_a_look_into_the_database(world: World) -> None:
    key = world.key()
    changed = key[:20] + ("a" if key[20] != "a" else "b") + key[21:]
    with statements(world) as sent:
        for authorization in (
            None,
            "",
            "Bearer",
            "Bearer ",
            f"Basic {key}",
            key,
            f"Token {key}",
            f"Bearer {key[:-1]}",
            f"Bearer {key[:-6]}",
            f"Bearer {key}x",
            f"Bearer {changed}",
            f"Bearer {key} {key}",
            f"Bearer {key.upper()}",
            f"Bearer {key.replace('_test_', '_live_')}",
            f"Bearer {new_key_text(mode='live')}",
            "Bearer bk_test_",
            "Bearer bct_test_forged.token",
            "Bearer bct_live_forged.token",
            "Bearer schl\u00fcssel",
            "Bearer " + "x" * 100_000,
        ):
            require_refused(get(world, authorization))

    assert sent == []


def test_the_scheme_is_read_in_any_case_and_spaces_around_do_no_harm(world: World) -> None:
    for authorization in (f"Bearer {world.key()}", f"bearer {world.key()}", f"BEARER  {world.key()} "):
        assert get(world, authorization).status_code == 200


def test_a_key_that_is_not_known_expired_or_revoked_is_refused_at_once(world: World) -> None:
    require_refused(get(world, f"Bearer {new_key_text(mode='test')}"))

    _, expired = make_key(world, lifetime=timedelta(seconds=-1))
    require_refused(get(world, f"Bearer {expired}"))

    row, revoked = make_key(world, lifetime=timedelta(hours=1))
    assert get(world, f"Bearer {revoked}").status_code == 200
    with world.session() as session:
        revoke_key(session, public=public_id("key", row.id), actor=OPERATOR_CLI, now=utc_now())
    require_refused(get(world, f"Bearer {revoked}"))


def test_who_may_not_call_learns_nothing_of_what_a_request_looks_like(world: World) -> None:
    require_refused(world.app.test_client().post("/payments/intent", data=b"{", content_type="text/plain"))


def test_two_keys_are_in_force_while_rotating(world: World) -> None:
    (_, old), (_, new) = make_key(world), make_key(world)

    assert [get(world, f"Bearer {key}").status_code for key in (old, new)] == [200, 200]


def test_a_key_may_have_fewer_scopes_than_its_role(world: World) -> None:
    _, key = make_key(world, scopes=["customers:read"])

    assert get(world, f"Bearer {key}").status_code == 200
    problem = require_problem(get(world, f"Bearer {key}", "/payments"), status=403, code="scope_missing")
    assert "payments:read" in problem["detail"]


def test_the_last_use_is_noted_once_a_minute(world: World) -> None:
    row, key = make_key(world)

    def last_used() -> Any:
        return world.rows("SELECT last_used_at FROM api_keys WHERE id = :id", id=row.id)[0]["last_used_at"]

    assert last_used() is None
    get(world, f"Bearer {key}")
    first = last_used()
    assert utc_now() - first < timedelta(seconds=30)
    get(world, f"Bearer {key}")
    assert last_used() == first
    with world.session() as session:
        session.connection().exec_driver_sql("UPDATE api_keys SET last_used_at = now() - interval '2 minutes'")
    get(world, f"Bearer {key}")
    assert last_used() > first


def test_the_text_of_a_key_is_kept_nowhere(world: World) -> None:
    customer = world.customer()
    world.pay(customer)
    token = world.call("POST", f"/customers/{customer}/tokens", {}).json["token"]
    get(world, f"Bearer {token}")
    tables = [row["tablename"] for row in world.rows("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")]
    kept = json.dumps([world.rows(f"SELECT to_jsonb(t) AS row FROM {table} AS t") for table in tables])
    assert '"customer.created"' in kept
    assert '"key_hash"' in kept
    for database in range(REDIS_DATABASES):
        with redis.Redis.from_url(world.servers.valkey.url(db=database)) as client:
            kept += "".join(f"{key!r}{client.dump(key)!r}" for key in client.scan_iter())

    for secret in (world.key(), world.key().removeprefix("bk_test_")[:30], token, token.partition(".")[2]):
        assert secret not in kept


@pytest.mark.parametrize("role", Role)
def test_a_role_beyond_its_scopes_is_refused_by_name(world: World, role: Role) -> None:
    answer = world.call("POST", "/webhooks/replay", {"event_id": "evt_1"}, role=role)

    if role in {Role.ADMIN, Role.OPERATOR}:
        require_problem(answer, status=404, code="event_not_found")
    else:
        require_problem(answer, status=403, code="scope_missing")


def test_where_nobody_waits_for_postgres_a_revoked_key_is_refused_within_a_second(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    customer = world.customer_with_credits()
    row, key = make_key(world)
    path = f"/credits/balance?customer_id={customer}"
    assert get(world, f"Bearer {key}", path).status_code == 200
    with world.session() as session:
        revoke_key(session, public=public_id("key", row.id), actor=OPERATOR_CLI, now=utc_now())
    later = utc_now() + timedelta(seconds=0.5)
    monkeypatch.setattr("app.factory.utc_now", lambda: later)

    require_refused(get(world, f"Bearer {key}", path))
