"""Rule: scopes, and which of them each role has."""

from models.api_key import Role

RESOURCES = (
    "audit",
    "credit_grants",
    "credits",
    "customers",
    "disputes",
    "entitlements",
    "events",
    "invoices",
    "keys",
    "ledger",
    "meters",
    "operations",
    "payments",
    "plans",
    "reconciliation",
    "settings",
    "subscriptions",
    "test_clocks",
    "usage",
    "webhook_endpoints",
    "webhooks",
)
ALL_SCOPES = frozenset(f"{resource}:{access}" for resource in RESOURCES for access in ("read", "write"))
_FOR_ADMINS_ONLY = frozenset({"keys:read", "keys:write", "settings:read", "settings:write"})
_OF_PRODUCTS = frozenset(
    {"credits", "customers", "entitlements", "invoices", "operations", "payments", "subscriptions", "usage"}
)
_READ_BY_PRODUCTS = frozenset({"meters:read", "plans:read"})
# What one customer may do with its own objects, through a token. What it uses is counted by the product: a customer could
# give back what it keeps, or report less under the id of an event that the product is about to report.
CUSTOMER_SCOPES = frozenset(
    {
        "credits:read",
        "customers:read",
        "customers:write",
        "entitlements:read",
        "invoices:read",
        "operations:read",
        "payments:read",
        "payments:write",
        "plans:read",
        "subscriptions:read",
        "usage:read",
    }
)

ROLE_SCOPES: dict[Role, frozenset[str]] = {
    Role.ADMIN: ALL_SCOPES,
    Role.OPERATOR: ALL_SCOPES - _FOR_ADMINS_ONLY,
    Role.SERVICE: frozenset(scope for scope in ALL_SCOPES if scope.partition(":")[0] in _OF_PRODUCTS)
    | _READ_BY_PRODUCTS,
    Role.READER: frozenset(scope for scope in ALL_SCOPES - _FOR_ADMINS_ONLY if scope.endswith(":read")),
}
