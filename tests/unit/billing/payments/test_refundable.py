import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.payments.refundable import HOLDING, left_to_refund, recount
from models.dispute import Dispute, DisputeStatus
from models.payment import Payment
from models.refund import Refund, RefundStatus

AMOUNTS = st.integers(min_value=1, max_value=5000)
REFUNDS = st.lists(st.builds(Refund, amount_minor=AMOUNTS, status=st.sampled_from(RefundStatus)), max_size=4)
DISPUTES = st.lists(st.builds(Dispute, amount_minor=AMOUNTS, status=st.sampled_from(DisputeStatus)), max_size=3)


def counted(*, refunds: list[Refund], disputes: list[Dispute], captured: int = 2900) -> Payment:
    payment = Payment(amount_captured_minor=captured, amount_refunded_minor=0, amount_disputed_minor=0)
    recount(payment, refunds=refunds, disputes=disputes)
    return payment


def refund(amount: int, status: RefundStatus = RefundStatus.SUCCEEDED) -> Refund:
    return Refund(amount_minor=amount, status=status)


def dispute(amount: int, status: DisputeStatus = DisputeStatus.NEEDS_RESPONSE) -> Dispute:
    return Dispute(amount_minor=amount, status=status)


@pytest.mark.parametrize("status", DisputeStatus)
def test_a_dispute_holds_its_amount_while_the_bank_has_it_or_may_keep_it(status: DisputeStatus) -> None:
    payment = counted(refunds=[], disputes=[dispute(1000, status)])

    held = 1000 if status in {"needs_response", "under_review", "lost", "prevented"} else 0
    assert (payment.amount_disputed_minor, left_to_refund(payment)) == (held, 2900 - held)


def test_refunds_come_first_and_a_dispute_holds_what_they_left() -> None:
    payment = counted(refunds=[refund(900)], disputes=[dispute(2900)])

    assert (payment.amount_refunded_minor, payment.amount_disputed_minor, left_to_refund(payment)) == (900, 2000, 0)


def test_a_refund_that_failed_leaves_its_amount_to_the_dispute() -> None:
    payment = counted(refunds=[refund(900, RefundStatus.FAILED)], disputes=[dispute(2900)])

    assert (payment.amount_refunded_minor, payment.amount_disputed_minor) == (0, 2900)


def test_a_dispute_of_more_than_was_captured_holds_no_more_than_that() -> None:
    payment = counted(refunds=[], disputes=[dispute(3000)])

    assert (payment.amount_disputed_minor, left_to_refund(payment)) == (2900, 0)


def test_before_the_capture_there_is_nothing_to_hold() -> None:
    assert counted(refunds=[], disputes=[dispute(2900)], captured=0).amount_disputed_minor == 0


@given(refunds=REFUNDS, disputes=DISPUTES)
def test_what_is_left_is_never_negative_and_never_more_than_the_three_allow(
    refunds: list[Refund], disputes: list[Dispute]
) -> None:
    payment = counted(refunds=refunds, disputes=disputes)

    held = sum(each.amount_minor for each in disputes if each.status in HOLDING)
    assert payment.amount_refunded_minor >= 0
    assert payment.amount_disputed_minor >= 0
    assert left_to_refund(payment) == max(0, 2900 - payment.amount_refunded_minor - held)
