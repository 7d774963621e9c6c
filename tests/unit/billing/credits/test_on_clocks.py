"""Which customers a process knows to be on a test clock."""

from billing.credits.on_clocks import KNOWN_MAX, CustomersOnClocks
from models.ids import new_id


def test_nobody_is_known_at_first() -> None:
    assert CustomersOnClocks().among([new_id()]) == {}


def test_who_was_noted_is_known_among_others() -> None:
    known, customer, clock = CustomersOnClocks(), new_id(), new_id()
    known.note(customer, clock)

    assert known.among([new_id(), customer, new_id()]) == {customer: clock}


def test_the_memory_is_bounded_and_forgets_who_was_noted_first() -> None:
    known, clock = CustomersOnClocks(), new_id()
    customers = [new_id() for _ in range(KNOWN_MAX + 1)]
    for customer in customers:
        known.note(customer, clock)

    assert set(known.among(customers)) == set(customers[1:])
