"""The wire: errors, headers, idempotency, lists and expansion."""

import uuid

import pytest
import stripe


def test_an_unknown_parameter_is_refused_by_name(client: stripe.StripeClient) -> None:
    with pytest.raises(stripe.InvalidRequestError) as caught:
        client.raw_request("post", "/v1/customers", colour="green")

    assert caught.value.http_status == 400
    assert caught.value.code == "parameter_unknown"
    assert caught.value.param == "colour"
    assert caught.value.user_message == "Received unknown parameter: colour"


def test_a_missing_parameter_is_named(client: stripe.StripeClient) -> None:
    with pytest.raises(stripe.InvalidRequestError) as caught:
        client.raw_request("post", "/v1/payment_intents", currency="usd")

    assert (caught.value.code, caught.value.param) == ("parameter_missing", "amount")


def test_an_unknown_address_is_a_404_that_repeats_it(client: stripe.StripeClient) -> None:
    with pytest.raises(stripe.InvalidRequestError) as caught:
        client.raw_request("get", "/v1/nothing_here")

    assert caught.value.http_status == 404
    assert (caught.value.user_message or "").startswith("Unrecognized request URL (GET: /v1/nothing_here).")


def test_an_unknown_object_is_a_404_with_its_parameter(client: stripe.StripeClient) -> None:
    with pytest.raises(stripe.InvalidRequestError) as caught:
        client.v1.payment_intents.retrieve("pi_missing")

    assert (caught.value.http_status, caught.value.code, caught.value.param) == (404, "resource_missing", "intent")
    assert caught.value.user_message == "No such payment_intent: 'pi_missing'"


def test_a_deleted_customer_is_still_told_of_but_not_usable(client: stripe.StripeClient) -> None:
    customer = client.v1.customers.create({})
    client.v1.customers.delete(customer.id)

    assert client.v1.customers.retrieve(customer.id).deleted is True
    with pytest.raises(stripe.InvalidRequestError, match="No such customer"):
        client.v1.payment_intents.create({"amount": 2000, "currency": "usd", "customer": customer.id})


def test_every_answer_carries_a_request_id_and_the_version(client: stripe.StripeClient) -> None:
    headers = _headers(client.v1.customers.create({}))

    assert headers["request-id"].startswith("req_")
    assert headers["stripe-version"] == stripe.api_version


def test_a_repeated_key_repeats_the_answer(client: stripe.StripeClient) -> None:
    key = str(uuid.uuid4())

    first = client.v1.customers.create({"name": "Once"}, {"idempotency_key": key})
    second = client.v1.customers.create({"name": "Once"}, {"idempotency_key": key})

    assert second.id == first.id
    assert _headers(second)["idempotent-replayed"] == "true"
    assert _headers(second)["original-request"] == _headers(first)["request-id"]


def test_a_key_used_for_other_parameters_is_refused(client: stripe.StripeClient) -> None:
    key = str(uuid.uuid4())
    client.v1.customers.create({"name": "Once"}, {"idempotency_key": key})

    with pytest.raises(stripe.IdempotencyError) as caught:
        client.v1.customers.create({"name": "Twice"}, {"idempotency_key": key})

    assert caught.value.http_status == 400
    assert key in (caught.value.user_message or "")


def test_a_refused_request_leaves_its_key_free(client: stripe.StripeClient) -> None:
    key = str(uuid.uuid4())
    with pytest.raises(stripe.InvalidRequestError):
        client.v1.payment_intents.create({"amount": 1, "currency": "usd"}, {"idempotency_key": key})

    intent = client.v1.payment_intents.create({"amount": 2000, "currency": "usd"}, {"idempotency_key": key})

    assert intent.amount == 2000


def test_lists_are_walked_by_cursor_newest_first(client: stripe.StripeClient) -> None:
    customer = client.v1.customers.create({})
    made = [
        client.v1.payment_intents.create({"amount": 1000 + number, "currency": "usd", "customer": customer.id}).id
        for number in range(5)
    ]

    first = client.v1.payment_intents.list({"customer": customer.id, "limit": 2})
    second = client.v1.payment_intents.list({"customer": customer.id, "limit": 2, "starting_after": first.data[-1].id})
    back = client.v1.payment_intents.list({"customer": customer.id, "limit": 2, "ending_before": second.data[0].id})
    every = [intent.id for intent in first.auto_paging_iter()]

    assert first.has_more is True
    assert [intent.id for intent in first.data] == made[:2:-1]
    assert [intent.id for intent in back.data] == [intent.id for intent in first.data]
    assert every == made[::-1]


def test_lists_are_filtered_by_age(client: stripe.StripeClient) -> None:
    customer = client.v1.customers.create({"email": f"{uuid.uuid4()}@example.com"})

    since = client.v1.customers.list({"email": str(customer.email), "created": {"gte": customer.created}})
    later = client.v1.customers.list({"email": str(customer.email), "created": {"gt": customer.created}})

    assert [found.id for found in since.data] == [customer.id]
    assert later.data == []


def test_fields_expand_in_objects_and_lists(client: stripe.StripeClient, customer: stripe.Customer) -> None:
    intent = client.v1.payment_intents.create(
        {
            "amount": 2000,
            "currency": "usd",
            "customer": customer.id,
            "expand": ["customer"],
        }
    )
    listed = client.v1.payment_intents.list({"customer": customer.id, "expand": ["data.customer"]})

    assert isinstance(intent.customer, stripe.Customer)
    assert isinstance(listed.data[0].customer, stripe.Customer)
    assert listed.data[0].customer.email == "contract@example.com"


def test_what_cannot_be_expanded_is_refused(client: stripe.StripeClient, customer: stripe.Customer) -> None:
    with pytest.raises(stripe.InvalidRequestError, match=r"This property cannot be expanded \(email\)"):
        client.v1.customers.retrieve(customer.id, {"expand": ["email"]})


def test_a_wrong_key_is_a_401(client: stripe.StripeClient) -> None:
    with pytest.raises(stripe.AuthenticationError) as caught:
        client.v1.customers.list({}, {"api_key": "sk_test_wrongwrongwrongwrong"})

    assert caught.value.http_status == 401
    assert "Invalid API Key provided" in (caught.value.user_message or "")


def test_metadata_is_merged_and_removed(client: stripe.StripeClient) -> None:
    customer = client.v1.customers.create({"metadata": {"keep": "1", "drop": "2"}})

    updated = client.v1.customers.update(customer.id, {"metadata": {"drop": "", "add": "3"}})

    assert updated.metadata is not None
    assert updated.metadata.to_dict() == {"keep": "1", "add": "3"}


def _headers(answer: stripe.StripeObject) -> dict[str, str]:
    assert answer.last_response is not None
    return {name.lower(): value for name, value in dict(answer.last_response.headers or {}).items()}
