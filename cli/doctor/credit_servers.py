"""Checks of what holds the credits: a server, or each node of a cluster."""

import redis

from billing.credits.cluster import make_nodes
from billing.credits.nodes import Node, Nodes
from billing.credits.shards import SHARDS
from billing.settings import Settings
from cli.doctor.finding import Finding, failed, ok, warning
from cli.doctor.redis_servers import check_redis, look_at

_ROLE, _SETTING = "credits", "REDIS_CREDITS_URL"
_COVERAGE = "cluster-require-full-coverage"


def check_credits(settings: Settings) -> list[Finding]:
    """Look at the server, or at every primary and replica of the cluster: a replica may be a primary at any time."""
    if not settings.REDIS_CREDITS_CLUSTER:
        return check_redis(role=_ROLE, url=settings.credits_url, setting=_SETTING, is_record=True)
    nodes = make_nodes(settings)
    try:
        return _look_at_cluster(nodes)
    except redis.RedisError as fault:
        return [failed(_ROLE, str(fault), mend=f"start the cluster, or correct {_SETTING} and REDIS_CREDITS_CLUSTER")]
    finally:
        nodes.close()


def _look_at_cluster(nodes: Nodes) -> list[Finding]:
    primaries, findings = nodes.all(), list[Finding]()
    clients = [*(node.client for node in primaries), *nodes.replicas()]
    for number, client in enumerate(clients, start=1):
        findings += look_at(client, role=f"{_ROLE} node {number}", setting=_SETTING, is_record=True)
    return [*findings, _shards(primaries), _coverage(clients)]


def _shards(primaries: list[Node]) -> Finding:
    held = sum(len(node.shards) for node in primaries)
    if held == SHARDS:
        return ok(f"{_ROLE} shards", f"{SHARDS} on {len(primaries)} primaries")
    mend = "give every slot of the cluster to a node (valkey-cli --cluster fix)"
    return failed(f"{_ROLE} shards", f"{SHARDS - held} of {SHARDS} are on no node", mend=mend)


def _coverage(clients: list[redis.Redis]) -> Finding:
    check, said = f"{_ROLE} coverage", set[str]()
    for client in clients:
        try:
            said.add(str(client.config_get(_COVERAGE).get(_COVERAGE)))
        except redis.RedisError:
            said.add("unknown")
    seen = f"{_COVERAGE}={', '.join(sorted(said))}"
    if said == {"no"}:
        return ok(check, seen)
    return warning(check, seen, mend=f"set {_COVERAGE} no on every node, or all shards stop when one node is away")
