import itertools

import pytest

from billing.payments.lifecycle import (
    CANCELABLE,
    CAPTURABLE,
    CONFIRMABLE,
    EDGES,
    FINAL,
    REFUNDABLE,
    PaymentNotInState,
    StatusMovedBackwards,
    require_edge,
    require_state,
)
from models.payment import Payment, PaymentStatus

S = PaymentStatus


def test_every_status_has_its_edges_and_none_leads_back_to_pending() -> None:
    assert set(EDGES) == set(PaymentStatus)
    assert not any(S.PENDING in following for following in EDGES.values())


@pytest.mark.parametrize(("current", "new"), list(itertools.product(sorted(FINAL), PaymentStatus)))
def test_a_final_status_stays(current: PaymentStatus, new: PaymentStatus) -> None:
    if new == current:
        require_edge(current=current, new=new)
    else:
        with pytest.raises(StatusMovedBackwards, match=f"{current} cannot become {new}"):
            require_edge(current=current, new=new)


@pytest.mark.parametrize("new", [S.REQUIRES_PAYMENT_METHOD, S.REQUIRES_CONFIRMATION, S.REQUIRES_ACTION, S.FAILED])
def test_reserved_money_is_captured_or_given_back_and_asked_for_no_more(new: PaymentStatus) -> None:
    with pytest.raises(StatusMovedBackwards):
        require_edge(current=S.REQUIRES_CAPTURE, new=new)


@pytest.mark.parametrize("status", PaymentStatus)
def test_every_status_leads_to_a_final_one(status: PaymentStatus) -> None:
    reached, frontier = {status}, {status}
    while frontier:
        frontier = set().union(*(EDGES[each] for each in frontier)) - reached
        reached |= frontier

    assert reached & FINAL


def test_what_may_be_asked_where() -> None:
    assert frozenset({S.SUCCEEDED}) == REFUNDABLE
    assert frozenset({S.REQUIRES_CAPTURE}) == CAPTURABLE
    assert frozenset({S.REQUIRES_PAYMENT_METHOD, S.REQUIRES_CONFIRMATION, S.REQUIRES_ACTION}) == CONFIRMABLE
    assert not CANCELABLE & FINAL
    assert S.PENDING not in CANCELABLE | CONFIRMABLE | CAPTURABLE | REFUNDABLE


def test_the_refusal_says_where_the_payment_stands_and_what_it_takes() -> None:
    with pytest.raises(
        PaymentNotInState, match="is succeeded cannot be used to capture; it takes one that is requires_c"
    ):
        require_state(Payment(status=S.SUCCEEDED), allowed=CAPTURABLE, to="capture")
