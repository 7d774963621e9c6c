import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.reconciliation.report import csv_report, harmless_cell
from models.ids import new_id
from models.reconciliation import DifferenceKind, DifferenceState, Mend, ObjectType, ReconciliationDifference
from tests.unit.billing.reconciliation.rows import NOW


def difference(**changed: object) -> ReconciliationDifference:
    facts: dict[str, object] = {
        "id": new_id(),
        "object_type": ObjectType.PAYMENT,
        "subject": "pi_1",
        "kind": DifferenceKind.AMOUNT_DIFFERS,
        "mend": Mend.CORRECT_AMOUNT,
        "state": DifferenceState.OPEN,
        "gateway_id": "pi_1",
        "ours": {"amount": 2900},
        "theirs": {"amount": 2901},
        "first_seen_at": NOW,
        "last_seen_at": NOW,
    }
    return ReconciliationDifference(**{**facts, **changed})


@pytest.mark.parametrize("hostile", ["=cmd|' /C calc'!A0", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1"])
def test_a_cell_that_a_spreadsheet_would_calculate_is_text(hostile: str) -> None:
    (_, line) = csv.reader(io.StringIO(csv_report([difference(reason=hostile, gateway_id=hostile)]), newline=""))

    assert line.count(f"'{hostile}") == 2
    assert hostile not in line


def test_both_sides_and_the_mend_are_in_it() -> None:
    (line,) = csv.DictReader(io.StringIO(csv_report([difference()]), newline=""))

    assert (line["kind"], line["ours"], line["theirs"], line["mend"]) == (
        "amount_differs", '{"amount":2900}', '{"amount":2901}', "correct_amount",
    )  # fmt: skip
    assert line["id"].startswith("diff_")
    assert line["settled_at"] == ""


@given(reason=st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00")))
def test_any_text_comes_back_from_its_cell(reason: str) -> None:
    (_, line) = csv.reader(io.StringIO(csv_report([difference(reason=reason)]), newline=""))

    assert line[-1] == harmless_cell(reason)
    assert line[-1].removeprefix("'") == reason or line[-1] == reason
