"""Rule: which credits a purchase has still to give or to take back, one step after the other.

What the payment has done is the position; what was given and taken back so far is another; a step is the difference. So it does
not matter which event brought the news, how often it came, or what came first.
"""

from typing import NamedTuple

from models.credits import PurchaseStep


class PaidFor(NamedTuple):
    """What a payment has moved, in minor units: captured, given back by refunds that succeeded, held by disputes."""

    captured: int
    refunded: int
    disputed: int


class Standing(NamedTuple):
    """What has been done to credits: given, taken back for refunds, taken back for disputes."""

    granted: int
    refunded: int
    disputed: int


class Step(NamedTuple):
    """What comes next: credits to give (positive) or to take back (negative), and because of what."""

    step: PurchaseStep
    credits: int


def due(paid_for: PaidFor, *, credits_: int, price_minor: int) -> Standing:
    """Return what ought to have been done.

    Credits are given when the price is captured. A part of the price that is taken back takes back that part of the
    credits, rounded down: 1,000 credits for 10.00, of which 3.33 are refunded, are 667.
    """
    if not paid_for.captured:
        return Standing(0, 0, 0)
    refunded = min(paid_for.refunded, price_minor)
    gone = min(refunded + paid_for.disputed, price_minor)
    back_by_refunds = credits_ * refunded // price_minor
    return Standing(credits_, back_by_refunds, credits_ * gone // price_minor - back_by_refunds)


def next_step(done: Standing, wanted: Standing) -> Step | None:
    """Return the next step from what was done to what is wanted; None when there is none.

    What is given comes before what is taken back, so that as little as possible becomes a debt.
    """
    if wanted.granted > done.granted:
        return Step(PurchaseStep.PAID, wanted.granted - done.granted)
    changes = (
        Step(PurchaseStep.REFUNDED, done.refunded - wanted.refunded),
        Step(PurchaseStep.DISPUTED, done.disputed - wanted.disputed),
    )
    return max((step for step in changes if step.credits), key=lambda step: step.credits, default=None)
