"""Words that the stories about the ledger share."""

from typing import Any

from tests.service.world import World


def entries(world: World, **filters: str) -> list[dict[str, Any]]:
    """Return the ledger's entries, oldest first."""
    answer = world.call("GET", "/ledger/entries", query_string={"limit": 100, **filters})
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json["data"]
    return list(reversed(found))


def said(world: World, **filters: str) -> list[tuple[str, list[tuple[str, str, int]]]]:
    """Return what each entry says: its kind, and each line as account, asset and signed amount."""
    return [
        (
            entry["kind"],
            [(line["account"], line["asset"], line["debit"] - line["credit"]) for line in entry["postings"]],
        )
        for entry in entries(world, **filters)
    ]


def balances(world: World, **query: str) -> dict[str, int]:
    """Return the accounts' balances, by `account asset`."""
    answer = world.call("GET", "/ledger/accounts", query_string=query)
    assert answer.status_code == 200, answer.text
    return {f"{each['account']} {each['asset']}": each["balance"] for each in answer.json["data"]}
