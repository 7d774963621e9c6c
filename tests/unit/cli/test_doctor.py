from datetime import UTC, datetime, timedelta

import pytest

from cli.doctor.clocks import skew_finding
from cli.doctor.redis_servers import check_roles, judge_persistence

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
GOOD = {"appendonly": "yes", "appendfsync": "always", "maxmemory-policy": "noeviction"}


@pytest.mark.parametrize(
    ("changed", "is_record", "verdict"),
    [
        ({}, True, "ok"),
        ({"appendfsync": "everysec"}, True, "failed"),
        ({"appendfsync": "everysec"}, False, "ok"),
        ({"appendonly": "no"}, True, "failed"),
        ({"appendonly": "no"}, False, "warning"),
        ({"maxmemory-policy": "allkeys-lru"}, False, "failed"),
        ({"maxmemory-policy": "allkeys-lru"}, True, "failed"),
    ],
)
def test_each_role_is_held_to_what_it_keeps(changed: dict[str, str], is_record: bool, verdict: str) -> None:
    finding = judge_persistence("credits persistence", values=GOOD | changed, is_record=is_record)

    assert finding.verdict == verdict
    assert (finding.mend is None) is (verdict == "ok")


@pytest.mark.parametrize(
    ("seconds", "verdict"), [(0, "ok"), (-2, "ok"), (3, "warning"), (60, "warning"), (-61, "failed")]
)
def test_clocks_may_differ_a_little(seconds: int, verdict: str) -> None:
    assert skew_finding("clock", theirs=NOW + timedelta(seconds=seconds), ours=NOW).verdict == verdict


def test_two_roles_on_one_server_are_noticed_whatever_their_databases_and_passwords() -> None:
    assert check_roles(broker_url="redis://:a@host:1/0", credits_url="redis://:b@host:1/2").verdict == "warning"
    assert check_roles(broker_url="redis://host:1/0", credits_url="redis://host:2/0").verdict == "ok"
