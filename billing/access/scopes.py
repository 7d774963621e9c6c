"""Rule: scopes, and which of them each role has."""

from models.api_key import Role

RESOURCES = (
    "audit",
    "customers",
    "disputes",
    "events",
    "keys",
    "ledger",
    "operations",
    "payments",
    "reconciliation",
    "settings",
    "webhook_endpoints",
    "webhooks",
)
ALL_SCOPES = frozenset(f"{resource}:{access}" for resource in RESOURCES for access in ("read", "write"))
_FOR_ADMINS_ONLY = frozenset({"keys:read", "keys:write", "settings:read", "settings:write"})
_OF_PRODUCTS = frozenset({"customers", "operations", "payments"})
# What one customer may do with its own objects, through a token.
CUSTOMER_SCOPES = frozenset({"customers:read", "customers:write", "operations:read", "payments:read", "payments:write"})

ROLE_SCOPES: dict[Role, frozenset[str]] = {
    Role.ADMIN: ALL_SCOPES,
    Role.OPERATOR: ALL_SCOPES - _FOR_ADMINS_ONLY,
    Role.SERVICE: frozenset(scope for scope in ALL_SCOPES if scope.partition(":")[0] in _OF_PRODUCTS),
    Role.READER: frozenset(scope for scope in ALL_SCOPES - _FOR_ADMINS_ONLY if scope.endswith(":read")),
}
