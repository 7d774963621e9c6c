from datetime import timedelta
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from billing.clock import utc_now
from models.ids import MalformedId, first_id_at, new_id, public_id, row_id

QUICK = settings(deadline=None, max_examples=100)


@QUICK
@given(st.uuids())
def test_a_public_id_leads_back_to_its_row(value: UUID) -> None:
    text = public_id("pay", value)

    assert row_id("pay", text) == value
    assert len(text) == len("pay_") + 26


@QUICK
@given(st.text(max_size=80))
def test_any_other_text_is_malformed(text: str) -> None:
    with pytest.raises(MalformedId):
        row_id("pay", text)


@pytest.mark.parametrize(
    "text",
    [
        "cus_01h455vb4pex5vsknk084sn02q",
        "01h455vb4pex5vsknk084sn02q",
        "_01h455vb4pex5vsknk084sn02q",
        "pay_",
        "pay_01h455vb4pex5vsknk084sn02",
        "pay_01h455vb4pex5vsknk084sn02qq",
        "PAY_01h455vb4pex5vsknk084sn02q",
        "pay_01H455VB4PEX5VSKNK084SN02Q",
        "pay_8zzzzzzzzzzzzzzzzzzzzzzzzz",
        "pay_01h455vb4pex5vsknk084sn0ilou",
        "pay_01h455vb4pex5vsknk084sn02\x00",
        "pay_" + "0" * 100_000,
        "pay_\U0001d7d81h455vb4pex5vsknk084sn02q",
    ],
)
def test_near_misses_are_malformed(text: str) -> None:
    with pytest.raises(MalformedId):
        row_id("pay", text)


def test_ids_sort_by_the_time_they_were_made() -> None:
    made = [new_id() for _ in range(1000)]

    assert made == sorted(made)
    assert [public_id("pay", value) for value in made] == sorted(public_id("pay", value) for value in made)
    assert len(set(made)) == len(made)


def test_the_first_id_of_an_instant_parts_what_was_made_before_from_what_was_made_since() -> None:
    before = utc_now()
    made = new_id()

    assert first_id_at(before) <= made < first_id_at(before + timedelta(minutes=1))
    assert first_id_at(before) < first_id_at(before + timedelta(milliseconds=1))
