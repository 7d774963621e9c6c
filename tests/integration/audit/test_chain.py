"""The audit log's chain finds whatever somebody with the database's password does to it."""

import random
from collections.abc import Callable

import pytest
from structlog.testing import capture_logs

from billing.audit_chain import Anchor, Finding, seal_pending, verify_chain, write_down
from billing.settings import encryption_key_bytes
from tests.service.world import World

KEY = bytes(32)
OTHER_KEY = bytes([1]) * 32


def seal(world: World) -> int:
    with world.session() as session:
        return seal_pending(session, key=KEY).entries


def verify(world: World, *anchors: Anchor, keys: tuple[bytes, ...] = (KEY,)) -> list[Finding]:
    with world.session() as session:
        return list(verify_chain(session, keys=keys, anchors=anchors))


def tamper(world: World, statement: str) -> None:
    """Do what the database's owner can: switch the triggers off, and write."""
    with world.session() as session:
        session.connection().exec_driver_sql("SET LOCAL session_replication_role = replica")
        session.connection().exec_driver_sql(statement)


@pytest.fixture
def sealed(world: World) -> World:
    for _ in range(6):
        world.customer()
    assert seal(world) == world.count("audit_entries")
    return world


def head(world: World) -> Anchor:
    row = world.rows("SELECT seq, hash FROM audit_head")[0]
    return Anchor(row["seq"], bytes(row["hash"]))


def test_an_untouched_log_is_whole(sealed: World) -> None:
    assert verify(sealed, head(sealed)) == []
    assert sealed.count("audit_pending") == 0


def test_every_change_leaves_one_entry_with_personal_data_redacted(world: World) -> None:
    customer = world.customer(name="Ada Lovelace", address={"line1": "12 St James's Square", "country": "GB"})
    world.call("PUT", f"/customers/{customer}", {"name": "Ada King", "tax_id": "GB123"})
    world.call("PUT", f"/customers/{customer}", {"name": "Ada King"})  # changes nothing

    entries = world.call("GET", f"/audit-log?object={customer}").json["data"]
    assert [entry["action"] for entry in entries] == ["customer.updated", "customer.created"]
    assert entries[0]["after"] == {"name": "[redacted]", "tax_id": "[redacted]"}
    assert entries[0]["actor"].startswith("key_")
    assert entries[0]["request_id"].startswith("req_")
    stored = str(world.rows("SELECT before, after FROM audit_entries"))
    for private in ("Ada", "@example.com", "St James", "GB123"):
        assert private not in stored


def test_payments_refunds_keys_and_replays_leave_entries(world: World) -> None:
    payment = world.pay(world.customer())
    world.call("POST", "/payments/refund", {"payment_id": payment["id"], "amount": 100})
    world.work()
    events = world.events("payment_intent.succeeded")
    world.deliver(*events)
    world.work()
    world.call("POST", "/webhooks/replay", {"event_id": events[0]["id"]})

    actions = {row["action"] for row in world.rows("SELECT action FROM audit_entries")}
    assert {
        "customer.created",
        "key.created",
        "payment.created",
        "payment.succeeded",
        "refund.requested",
        "payment.refunded",
        "webhook.replayed",
    } <= actions
    assert "_secret_" not in str(world.rows("SELECT before, after FROM audit_entries"))


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit_entries SET actor = 'nobody' WHERE id = (SELECT entry_id FROM audit_seals WHERE seq = 3)",
        "UPDATE audit_entries SET at = at + interval '1 microsecond' WHERE id = (SELECT entry_id FROM audit_seals WHERE seq = 3)",
        "DELETE FROM audit_seals WHERE seq = 3",
        "DELETE FROM audit_entries WHERE id = (SELECT entry_id FROM audit_seals WHERE seq = 3)",
        "UPDATE audit_seals SET seq = CASE seq WHEN 3 THEN 1000 WHEN 4 THEN 3 END WHERE seq IN (3, 4)",
        (
            "INSERT INTO audit_entries SELECT gen_random_uuid(), at, actor, action, object_type, object_id "
            "FROM audit_entries LIMIT 1"
        ),
        "DELETE FROM audit_seals WHERE seq > 4",
        "UPDATE audit_head SET seq = 4, hash = (SELECT hash FROM audit_seals WHERE seq = 4)",
        "DELETE FROM audit_head",
    ],
)
def test_tampering_is_found(sealed: World, statement: str) -> None:
    tamper(sealed, statement)

    assert verify(sealed) != []


def test_a_tail_cut_together_with_its_head_shows_against_a_head_in_the_log(sealed: World) -> None:
    old = sealed.rows("SELECT seq, hash, signature FROM audit_head")[0]
    sealed.customer()
    seal(sealed)
    written_down = head(sealed)
    with sealed.session() as session:
        connection = session.connection()
        connection.exec_driver_sql("SET LOCAL session_replication_role = replica")
        connection.exec_driver_sql("DELETE FROM audit_seals WHERE seq > %s", (old["seq"],))
        connection.exec_driver_sql("DELETE FROM audit_entries WHERE id NOT IN (SELECT entry_id FROM audit_seals)", ())
        connection.exec_driver_sql(
            "UPDATE audit_head SET seq = %s, hash = %s, signature = %s", (old["seq"], old["hash"], old["signature"])
        )

    assert verify(sealed) == []  # nothing inside the database shows it
    assert [finding.seq for finding in verify(sealed, written_down)] == [written_down.seq]


def test_a_head_signed_with_another_key_is_found_and_a_rotated_key_is_not(sealed: World) -> None:
    assert verify(sealed, keys=(OTHER_KEY,)) != []
    assert verify(sealed, keys=(OTHER_KEY, KEY)) == []


@pytest.mark.parametrize("seed", range(10))
def test_random_tampers_are_all_found(sealed: World, seed: int) -> None:
    chance = random.Random(seed)
    place = chance.randint(1, head(sealed).seq)
    column, value = chance.choice(
        [("actor", "'x'"), ("action", "'x'"), ("object_id", "'x'"), ("request_id", "'x'"), ("after", "'{}'::jsonb")]
    )
    tamper(
        sealed,
        f"UPDATE audit_entries SET {column} = {value} WHERE id = (SELECT entry_id FROM audit_seals WHERE seq = {place})",
    )

    assert [finding.seq for finding in verify(sealed)] == [place]


@pytest.mark.parametrize("verb", ["UPDATE {} SET {} = {}", "DELETE FROM {0}", "TRUNCATE {0} CASCADE"])
@pytest.mark.parametrize(("table", "column"), [("audit_entries", "actor"), ("audit_seals", "hash")])
def test_the_database_refuses_to_change_what_was_written(sealed: World, verb: str, table: str, column: str) -> None:
    def change() -> None:
        with sealed.session() as session:
            session.connection().exec_driver_sql(verb.format(table, column, column))

    _refused(change)


def test_sealing_goes_on_where_it_stopped_and_one_sealer_works_at_a_time(sealed: World) -> None:
    before = head(sealed).seq
    sealed.customer()
    with sealed.session() as session:
        assert seal_pending(session, key=KEY).entries == 1
        with sealed.runtime.sessions() as other:
            assert seal_pending(other, key=KEY).entries == 0
    assert head(sealed).seq == before + 1
    assert verify(sealed) == []


def test_a_head_is_written_down_once_it_is_committed_and_not_before(sealed: World) -> None:
    sealed.customer()
    with capture_logs() as lines:
        with sealed.session() as session:
            assert seal_pending(session, key=KEY).head is not None
            session.rollback()  # as when the process dies here: another sealer may put other entries in these places
        assert lines == []

        with sealed.session() as session:
            batch = seal_pending(session, key=KEY)
        write_down(batch)

    (line,) = lines
    assert (line["event"], line["seq"], line["head"]) == ("audit.sealed", head(sealed).seq, head(sealed).hash.hex())


def test_the_settings_key_is_the_one_that_signs(world: World) -> None:
    assert encryption_key_bytes(world.settings.ENCRYPTION_KEY[0]) == KEY


def _refused(change: Callable[[], None]) -> None:
    with pytest.raises(Exception, match="append-only"):
        change()
