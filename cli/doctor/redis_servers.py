"""Checks of the two Redis roles: the broker may lose a second, the credits nothing; neither may evict."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

import redis

from billing.clock import utc_now
from cli.doctor.clocks import skew_finding
from cli.doctor.finding import Finding, failed, ok, warning

TIMEOUT_SECONDS = 5
SETTINGS = ("appendonly", "appendfsync", "maxmemory-policy")


def check_redis(*, role: str, url: str, setting: str, is_record: bool) -> list[Finding]:
    """Look at one server. `is_record`: it holds balances, so that an answered write must be on the disk."""
    with redis.Redis.from_url(url, socket_timeout=TIMEOUT_SECONDS, decode_responses=True) as client:
        return [*look_at(client, role=role, setting=setting, is_record=is_record), *_alone(client, role=role)]


def look_at(client: redis.Redis, *, role: str, setting: str, is_record: bool) -> list[Finding]:
    """Say whether a server answers, how it keeps what it is told, and what its clock says."""
    try:
        version = client.info("server")
        seconds, microseconds = client.time()
    except redis.RedisError as fault:
        return [failed(role, str(fault), mend=f"start the server, or correct {setting}")]
    theirs = datetime.fromtimestamp(seconds + microseconds / 1_000_000, UTC)
    place = client.connection_pool.connection_kwargs
    return [
        ok(role, f"{_product(version)} at {place['host']}:{place.get('port', 6379)}"),
        _persistence(role=role, client=client, is_record=is_record),
        skew_finding(f"{role} clock", theirs=theirs, ours=utc_now()),
    ]


def check_roles(*, broker_url: str, credits_url: str) -> Finding:
    """One server cannot have the durability that each role needs."""
    if urlsplit(broker_url).netloc.rpartition("@")[2] != urlsplit(credits_url).netloc.rpartition("@")[2]:
        return ok("redis roles", "the broker and the credits have a server each")
    mend = "give REDIS_CREDITS_URL a server of its own: it needs appendfsync always, the broker does not"
    return warning("redis roles", "the broker and the credits share one server", mend=mend)


def _alone(client: redis.Redis, *, role: str) -> list[Finding]:
    try:
        is_node = bool(client.info("cluster").get("cluster_enabled"))
    except redis.RedisError:
        return []
    mend = "set REDIS_CREDITS_CLUSTER=true" if role == "credits" else "name a server that is not a part of a cluster"
    return [failed(role, "the server is a node of a cluster", mend=mend)] if is_node else []


def _persistence(*, role: str, client: "redis.Redis", is_record: bool) -> Finding:
    check = f"{role} persistence"
    try:
        values = {str(name): str(value) for name, value in client.config_get(*SETTINGS).items()}
    except redis.RedisError:
        mend = f"look in the server's console for {', '.join(SETTINGS)}"
        return warning(check, "the server does not let its settings be read", mend=mend)
    return judge_persistence(check, values=values, is_record=is_record)


def judge_persistence(check: str, *, values: Mapping[str, str], is_record: bool) -> Finding:
    """Compare the settings with what the role needs."""
    needed = {"maxmemory-policy": "noeviction", "appendonly": "yes"}
    if is_record:
        needed["appendfsync"] = "always"
    wrong = {name: value for name, value in needed.items() if values.get(name) != value}
    seen = ", ".join(f"{name}={values.get(name, 'unknown')}" for name in SETTINGS)
    if not wrong:
        return ok(check, seen)
    mend = "set " + " and ".join(f"{name} {value}" for name, value in wrong.items())
    # Without its file the broker only forgets hints, which the sweepers repeat.
    if not is_record and "maxmemory-policy" not in wrong:
        return warning(check, seen, mend=mend)
    return failed(check, seen, mend=mend)


def _product(info: Mapping[str, Any]) -> str:
    return f"Valkey {info['valkey_version']}" if "valkey_version" in info else f"Redis {info.get('redis_version')}"
