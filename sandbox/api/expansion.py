"""`expand[]`: identifiers in an answer become the objects that they name."""

from functools import partial

from sandbox.api.lists import as_list_object
from sandbox.hidden import without_hidden
from sandbox.json_types import Json
from sandbox.state.lists import ListQuery, read_page
from sandbox.wire.errors import invalid_request
from sandbox.work import Work

_DEPTH_LIMIT = 4
_REFUNDS_IN_CHARGE = 10

# For each kind, its fields that hold an identifier, and the kind of what they name.
_EXPANDABLE: dict[str, dict[str, str]] = {
    "balance_transaction": {"source": "charge"},
    "charge": {
        "balance_transaction": "balance_transaction",
        "customer": "customer",
        "failure_balance_transaction": "balance_transaction",
        "payment_intent": "payment_intent",
        "refunds": "refund",
    },
    "customer": {"invoice_settings.default_payment_method": "payment_method", "tax": "", "invoice_credit_balance": ""},
    "dispute": {"charge": "charge", "payment_intent": "payment_intent"},
    "payment_intent": {
        "customer": "customer",
        "last_payment_error.payment_method": "payment_method",
        "latest_charge": "charge",
        "payment_method": "payment_method",
    },
    "invoice": {"customer": "customer", "parent.subscription_details.subscription": "subscription"},
    "payment_method": {"customer": "customer"},
    "price": {"product": "product"},
    "refund": {
        "balance_transaction": "balance_transaction",
        "charge": "charge",
        "customer": "customer",
        "failure_balance_transaction": "balance_transaction",
        "payment_intent": "payment_intent",
        "payment_method": "payment_method",
    },
    "setup_attempt": {"customer": "customer", "payment_method": "payment_method", "setup_intent": "setup_intent"},
    "subscription": {
        "customer": "customer",
        "default_payment_method": "payment_method",
        "items.data.price.product": "product",
        "latest_invoice": "invoice",
    },
    "setup_intent": {"customer": "customer", "latest_attempt": "setup_attempt", "payment_method": "payment_method"},
}

# What the source of a balance transaction is, by the prefix of its identifier.
_SOURCES = {"ch": "charge", "py": "charge", "re": "refund", "pyr": "refund", "du": "dispute"}

_Tree = dict[str, "_Tree"]


def expand(*, work: Work, body: Json, paths: list[str]) -> Json:
    """Return the answer with the fields at the paths expanded. Raises ApiError for a path that leads nowhere."""
    tree: _Tree = {}
    for path in paths:
        names = path.split(".")
        if len(names) - (names[0] == "data") > _DEPTH_LIMIT:
            raise invalid_request(
                message=f"You cannot expand more than {_DEPTH_LIMIT} levels of a property ({path}).", param="expand"
            )
        branch = tree
        for name in names:
            branch = branch.setdefault(name, {})
    return _expand_object(work, body=body, tree=tree) if tree else body


def _expand_object(work: Work, *, body: Json, tree: _Tree) -> Json:
    if body["object"] in ("list", "search_result"):
        for name in tree:
            if name not in ("data", "total_count"):
                raise _not_expandable(name)
        items = [_expand_object(work, body=item, tree=tree.get("data", {})) for item in body["data"]]
        return {**body, "data": items}
    return _expand_fields(work, owner=body, fields=body, tree=tree, prefix="")


def _expand_fields(work: Work, *, owner: Json, fields: Json, tree: _Tree, prefix: str) -> Json:
    """Expand fields of an object, or of a plain map inside it (then `prefix` names the map)."""
    expandable = _EXPANDABLE.get(owner["object"], {})
    expanded = dict(fields)
    for name, branch in tree.items():
        full_name = prefix + name
        kind = expandable.get(full_name)
        value = fields.get(name)
        if kind is None and not any(known.startswith(f"{full_name}.") for known in expandable):
            raise _not_expandable(full_name)
        if kind is None:
            within = partial(_expand_fields, work, owner=owner, tree=branch, prefix=f"{full_name}.")
            if isinstance(value, dict):
                expanded[name] = within(fields=value)
            elif isinstance(value, list):
                expanded[name] = [within(fields=item) for item in value]
        elif full_name in _INCLUDED:
            included = _INCLUDED[full_name](work, owner)
            expanded[name] = _expand_object(work, body=included, tree=branch) if branch else included
        elif isinstance(value, str):
            found = _find(work, kind=kind, object_id=value)
            expanded[name] = value if found is None else _expand_object(work, body=found, tree=branch)
    return expanded


def _find(work: Work, *, kind: str, object_id: str) -> Json | None:
    if kind == "charge":
        kind = _SOURCES.get(object_id.partition("_")[0], kind)
    found = work.find(kind, object_id)
    return None if found is None else without_hidden(found)


def _refunds_of(work: Work, charge: Json) -> Json:
    query = ListQuery(kind="refund", limit=_REFUNDS_IN_CHARGE, facets={"charge": charge["id"]})
    page = read_page(transaction=work.transaction, query=query)
    return as_list_object(items=page.items, has_more=page.has_more, url=f"/v1/charges/{charge['id']}/refunds")


def _tax_of(_work: Work, customer: Json) -> Json:
    address = customer["address"]
    if address is None or address["country"] is None:
        return {"automatic_tax": "unrecognized_location", "ip_address": None, "location": None, "provider": "stripe"}
    location = {"country": address["country"], "source": "billing_address", "state": address["state"]}
    return {"automatic_tax": "supported", "ip_address": None, "location": location, "provider": "stripe"}


def _credit_balance_of(_work: Work, _customer: Json) -> Json:
    return {}


# Fields that an object has only when they are asked for.
_INCLUDED = {"refunds": _refunds_of, "tax": _tax_of, "invoice_credit_balance": _credit_balance_of}


def _not_expandable(name: str) -> Exception:
    return invalid_request(message=f"This property cannot be expanded ({name}).", param="expand")
