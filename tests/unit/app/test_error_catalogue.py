"""Every code that callers decide by is explained once, under one status."""

import importlib
import pkgutil
from collections import defaultdict

import app
import billing
from app.error_catalogue import error_catalogue


def test_every_code_has_one_status_and_a_meaning() -> None:
    for package in (app, billing):
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            if module.name not in {"app.wsgi", "app.server"}:  # these start a process
                importlib.import_module(module.name)
    entries = error_catalogue()
    statuses: defaultdict[str, set[int]] = defaultdict(set)
    for entry in entries:
        statuses[entry.code].add(entry.status)
        assert entry.code.replace("_", "").isalpha(), entry
        assert entry.code.islower(), entry
        assert entry.meaning.endswith("."), entry
        assert entry.title, entry
        assert 400 <= entry.status < 600, entry

    assert len(entries) == len(statuses)
    assert {"payment_declined", "idempotency_key_reused", "card_data_rejected", "database_unavailable"} <= set(statuses)
