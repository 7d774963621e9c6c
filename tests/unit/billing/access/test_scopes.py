import pytest

from billing.access.scopes import ALL_SCOPES, CUSTOMER_SCOPES, ROLE_SCOPES
from models.api_key import Role


def test_every_role_has_its_scopes_and_only_known_ones() -> None:
    assert set(ROLE_SCOPES) == set(Role)
    assert all(scopes <= ALL_SCOPES for scopes in ROLE_SCOPES.values())
    assert CUSTOMER_SCOPES < ALL_SCOPES


def test_what_each_role_may() -> None:
    assert ROLE_SCOPES[Role.ADMIN] == ALL_SCOPES
    assert not any(scope.startswith(("keys:", "settings:")) for scope in ROLE_SCOPES[Role.OPERATOR])
    assert {"webhooks:write", "audit:read"} <= ROLE_SCOPES[Role.OPERATOR]
    assert "payments:write" in ROLE_SCOPES[Role.SERVICE]
    assert all(scope.endswith(":read") for scope in ROLE_SCOPES[Role.READER])


@pytest.mark.parametrize("role", [Role.SERVICE, Role.READER, Role.OPERATOR])
def test_only_admins_reach_keys_and_settings(role: Role) -> None:
    assert not ROLE_SCOPES[role] & {"keys:read", "keys:write", "settings:read", "settings:write"}


def test_a_product_and_a_customer_reach_neither_webhooks_nor_the_audit_log() -> None:
    for scopes in (ROLE_SCOPES[Role.SERVICE], CUSTOMER_SCOPES):
        assert not any(scope.startswith(("audit:", "webhooks:", "keys:")) for scope in scopes)
