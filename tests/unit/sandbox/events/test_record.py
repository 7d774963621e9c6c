"""What an update tells of the state before."""

from sandbox.events.record import difference, wants


def test_only_what_changed_is_told() -> None:
    before = {"id": "cus_1", "name": "A", "settings": {"footer": None, "method": "pm_1"}, "tags": ["a"]}
    after = {"id": "cus_1", "name": "B", "settings": {"footer": "x", "method": "pm_1"}, "tags": ["b"], "new": 1}

    assert difference(before=before, after=after) == {
        "name": "A",
        "settings": {"footer": None},
        "tags": ["a"],
        "new": None,
    }


def test_an_endpoint_wants_its_types_or_all() -> None:
    assert wants({"enabled_events": ["*"]}, event_type="charge.succeeded")
    assert wants({"enabled_events": ["charge.succeeded"]}, event_type="charge.succeeded")
    assert not wants({"enabled_events": ["charge.failed"]}, event_type="charge.succeeded")
