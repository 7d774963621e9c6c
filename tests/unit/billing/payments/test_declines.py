import pytest

from billing.payments.declines import _TABLE, DeclineCategory, explain


@pytest.mark.parametrize(
    ("code", "category"),
    [
        ("insufficient_funds", "soft"),
        ("generic_decline", "soft"),
        ("card_declined", "soft"),
        ("processing_error", "soft"),
        ("try_again_later", "soft"),
        ("incorrect_cvc", "soft"),
        ("expired_card", "hard"),
        ("lost_card", "hard"),
        ("stolen_card", "hard"),
        ("pickup_card", "hard"),
        ("authentication_required", "action_required"),
        ("fraudulent", "fraud"),
        ("merchant_blacklist", "fraud"),
    ],
)
def test_categories_are_those_that_callers_rely_on(code: str, category: str) -> None:
    assert explain(code).representation()["category"] == category


def test_an_unknown_code_reads_as_a_generic_decline_and_keeps_its_name() -> None:
    unknown, generic = explain("brand_new_code"), explain("generic_decline")

    assert unknown.code == "brand_new_code"
    assert (unknown.category, unknown.message, unknown.next_step) == (
        generic.category,
        generic.message,
        generic.next_step,
    )


@pytest.mark.parametrize("code", sorted(_TABLE))
def test_every_decline_is_two_whole_sentences(code: str) -> None:
    decline = explain(code)

    for sentence in (decline.message, decline.next_step):
        assert sentence[0].isupper()
        assert sentence.endswith(".")


@pytest.mark.parametrize("code", ["fraudulent", "merchant_blacklist", "lost_card", "stolen_card", "pickup_card"])
def test_the_customer_does_not_learn_that_fraud_is_suspected(code: str) -> None:
    decline = explain(code)

    assert not any(word in decline.message.lower() for word in ("fraud", "lost", "stolen", "black", "pick"))
    assert "do not say why" in decline.next_step


def test_every_category_has_codes() -> None:
    assert {category for category, _, _ in _TABLE.values()} == set(DeclineCategory)
