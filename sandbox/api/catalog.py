"""Routes of products and of their recurring prices."""

from sandbox.api.lists import PAGE_WITH_AGE, list_objects
from sandbox.api.routing import Call, Route
from sandbox.currencies import read_currency
from sandbox.json_types import Json
from sandbox.objects.catalog import new_price, new_product
from sandbox.state.lists import ListQuery, read_page
from sandbox.wire.errors import invalid_request
from sandbox.wire.parameters import Boolean, Choice, Fields, Integer, Many, Metadata, Rule, Text, merge_metadata

_LARGEST_AMOUNT = 999_999_999_999
# Items show their price as it is now: in so many subscriptions it is looked for.
_SUBSCRIPTIONS_LIMIT = 10_000
_PRODUCT: dict[str, Rule] = {
    "active": Boolean(),
    "description": Text(unsettable=True),
    "metadata": Metadata(),
    "name": Text(max_length=250),
}
_PRICE: dict[str, Rule] = {
    "active": Boolean(),
    "lookup_key": Text(max_length=200, unsettable=True),
    "metadata": Metadata(),
    "nickname": Text(unsettable=True),
}
_RECURRING = Fields(
    {"interval": Choice(("day", "month", "week", "year")), "interval_count": Integer(minimum=1, maximum=365)},
    required=("interval",),
)


def _create_product(call: Call) -> Json:
    product = new_product(name=call.params["name"], created=call.work.created)
    _write(call, product, "active", "description")
    return call.work.add(product, event="product.created")


def _update_product(call: Call) -> Json:
    product = _product(call)
    _write(call, product, "active", "description", "name")
    product["updated"] = call.work.created
    return call.work.save(product, event="product.updated", tells_difference=True)


def _create_price(call: Call) -> Json:
    params = call.params
    product = call.work.get("product", params["product"], param="product")
    if "recurring" not in params:
        raise invalid_request(message="The sandbox has recurring prices only.", param="recurring")
    price = new_price(
        product=product["id"],
        currency=read_currency(params["currency"]),
        unit_amount=params["unit_amount"],
        recurring=params["recurring"],
        created=call.work.created,
    )
    _write_price(call, price)
    return call.work.add(price, event="price.created")


def _update_price(call: Call) -> Json:
    price = _price(call)
    _write_price(call, price)
    call.work.save(price, event="price.updated", tells_difference=True)
    query = ListQuery(kind="subscription", limit=_SUBSCRIPTIONS_LIMIT)
    for subscription in read_page(transaction=call.work.transaction, query=query).items:
        held = [item for item in subscription["items"]["data"] if item["price"]["id"] == price["id"]]
        for item in held:
            item["price"] = dict(price)
        if held:
            call.work.save(subscription)
    return price


def _write_price(call: Call, price: Json) -> None:
    key = call.params.get("lookup_key")
    if key is not None:
        taken = list_objects(call=call, kind="price", url="", facets={"lookup_key": key})["data"]
        if any(other["id"] != price["id"] for other in taken):
            raise invalid_request(
                message=f"A price (`{taken[0]['id']}`) already uses that lookup key.", param="lookup_key"
            )
    _write(call, price, "active", "lookup_key", "nickname")


def _write(call: Call, body: Json, *names: str) -> None:
    body |= call.changes(*names)
    if "metadata" in call.params:
        body["metadata"] = merge_metadata(current=body["metadata"], changes=call.params["metadata"])


def _product(call: Call) -> Json:
    return call.work.get("product", call.ids["product"], param="id")


def _price(call: Call) -> Json:
    return call.work.get("price", call.ids["price"], param="price")


def _list_products(call: Call) -> Json:
    return list_objects(call=call, kind="product", url="/v1/products")


def _list_prices(call: Call) -> Json:
    facets = {"product": call.params.get("product")}
    keys = tuple(call.params.get("lookup_keys", ()))
    return list_objects(
        call=call, kind="price", url="/v1/prices", facets=facets, facet_choices={"lookup_key": keys} if keys else None
    )


ROUTES = (
    Route("POST", "/v1/products", _create_product, _PRODUCT, required=("name",)),
    Route("GET", "/v1/products", _list_products, PAGE_WITH_AGE),
    Route("GET", "/v1/products/{product}", _product),
    Route("POST", "/v1/products/{product}", _update_product, _PRODUCT),
    Route(
        "POST",
        "/v1/prices",
        _create_price,
        {
            **_PRICE,
            "currency": Text(),
            "product": Text(),
            "recurring": _RECURRING,
            "unit_amount": Integer(minimum=0, maximum=_LARGEST_AMOUNT),
        },
        required=("currency", "product", "unit_amount"),
    ),
    Route("GET", "/v1/prices", _list_prices, {**PAGE_WITH_AGE, "product": Text(), "lookup_keys": Many(Text())}),
    Route("GET", "/v1/prices/{price}", _price),
    Route("POST", "/v1/prices/{price}", _update_price, _PRICE),
)
