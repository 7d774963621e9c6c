"""Rule: what the customers of a simulated cohort do, and when. The same seed gives the same cohort, whoever runs it.

Each customer is drawn from the seed and its own number alone: a larger cohort adds customers, and changes none. Customers live on
several test clocks of up to CUSTOMERS_PER_CLOCK, and those of one clock subscribe at the same moment, as a cohort of a real
service signs up over a month. What they do later falls on the ACT_DAYS of the months that follow, so that a clock stops for many
of them at once: a card that is spoiled on day 24 fails at the renewal on day 30 or 31, and is replaced on day 3 or 10.
"""

import random
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import NamedTuple

from billing.subscriptions.cycle import Cycle
from models.price import PriceInterval

CUSTOMERS_PER_CLOCK = 50
# The first subscribes on the first day, the last within the month.
SIGN_UP_DAYS = 31
BEGIN = datetime(2026, 1, 1, 9, tzinfo=UTC)
ACT_DAYS = (3, 10, 17, 24)
TRIAL_DAYS = 14
DAYS_UNTIL_DUE = 14

GOOD_CARDS = ("pm_card_visa", "pm_card_mastercard", "pm_card_amex", "pm_card_de", "pm_card_gb")
# They can be saved, and fail whenever they are charged without the customer.
BAD_CARDS = (
    "pm_card_chargeCustomerFail",
    "pm_card_authenticationRequiredChargeDeclinedInsufficientFunds",
    "pm_card_radarBlock",
    "pm_card_authenticationRequired",
)


class Deed(StrEnum):
    """What a customer does by itself."""

    USE_CARD = "use_card"
    PAY_BY_HAND = "pay_by_hand"
    CANCEL_AT_PERIOD_END = "cancel_at_period_end"
    CANCEL_NOW = "cancel_now"
    PAUSE = "pause"
    RESUME = "resume"


class Offer(NamedTuple):
    """A plan at a list price, as the catalog has it."""

    plan: str
    interval: str
    currency: str
    free: bool
    per_unit: bool


class Act(NamedTuple):
    """A deed at a moment; `detail` is the card, or until when a pause lasts."""

    at: datetime
    deed: Deed
    detail: str | None = None


class Member(NamedTuple):
    """A customer of the cohort: what it subscribes to with which card, and what it does afterwards, in order of time."""

    number: int
    offer: Offer
    quantity: int
    trial_days: int
    by_invoice: bool
    card: str
    acts: tuple[Act, ...]


class ClockPlan(NamedTuple):
    """A test clock: when its customers subscribe, and who they are."""

    begin: datetime
    members: tuple[Member, ...]

    def moments(self, *, end: datetime) -> list[datetime]:
        """Return when the clock has to stop because somebody does something, in order, and `end` at last."""
        return sorted({act.at for member in self.members for act in member.acts if act.at < end} | {end})

    def acts_at(self, at: datetime) -> list[tuple[Member, Act]]:
        """Return who does what at a moment, in the order of the customers."""
        return [(member, act) for member in self.members for act in member.acts if act.at == at]


def end_of(months: int) -> datetime:
    """Return when a simulation of so many months is over: with the last of them, before anybody begins another."""
    return _cycle(BEGIN).boundary(months).replace(hour=0)


def plan_cohort(*, customers: int, months: int, seed: int, offers: Sequence[Offer]) -> list[ClockPlan]:
    """Return the clocks with their customers, the clocks in the order in which their customers subscribe.

    Raises ValueError where the catalog offers nothing at a list price.
    """
    if not offers:
        raise ValueError("the catalog offers no plan at a list price")
    clocks = -(-customers // CUSTOMERS_PER_CLOCK)
    begins = [BEGIN + timedelta(days=SIGN_UP_DAYS * number // clocks) for number in range(clocks)]
    by_clock: list[list[Member]] = [[] for _ in begins]
    for number in range(customers):
        clock = number % clocks
        by_clock[clock].append(plan_member(number=number, seed=seed, begin=begins[clock], months=months, offers=offers))
    return [ClockPlan(begin, tuple(members)) for begin, members in zip(begins, by_clock, strict=True)]


def plan_member(*, number: int, seed: int, begin: datetime, months: int, offers: Sequence[Offer]) -> Member:
    """Return one customer, who subscribes at `begin` and whose story ends before the simulation does."""
    dice = random.Random(f"{seed}/{number}")  # noqa: S311 - a story, no secret
    offer = dice.choices(offers, weights=[_weight(offer) for offer in offers])[0]
    by_invoice = not offer.free and dice.random() < 0.08
    trial_days = TRIAL_DAYS if not offer.free and not by_invoice and dice.random() < 0.4 else 0
    acts = _story(dice, begin=begin, months=months, has_trial=bool(trial_days), by_invoice=by_invoice)
    card = dice.choice(GOOD_CARDS)
    if trial_days and dice.random() < 0.15:
        card = dice.choice(BAD_CARDS)  # nobody hears of it before the trial ends
        if dice.random() < 0.6:
            acts = sorted(
                [*acts, Act(_moment(begin, 0, dice.choice((17, 24))), Deed.USE_CARD, "pm_card_visa")], key=_time
            )
    return Member(
        number=number,
        offer=offer,
        quantity=dice.randint(2, 20) if offer.per_unit else 1,
        trial_days=trial_days,
        by_invoice=by_invoice,
        card=card,
        acts=tuple(acts),
    )


def _story(dice: random.Random, *, begin: datetime, months: int, has_trial: bool, by_invoice: bool) -> list[Act]:
    """Return what happens to a customer: nothing to most of them, in most months."""
    acts: list[Act] = []
    month = 0
    while month < months:
        fate = dice.random()
        if by_invoice:
            acts.append(Act(_moment(begin, month, dice.choice(ACT_DAYS[:3])), Deed.PAY_BY_HAND))
        if fate < 0.05:
            acts += _trouble_with_a_card(dice, begin=begin, month=month, has_trial=has_trial)
            month += 1  # what comes of it lies in the next month
        elif fate < 0.075:
            acts.append(Act(_moment(begin, month, dice.choice(ACT_DAYS)), Deed.CANCEL_AT_PERIOD_END))
            if dice.random() < 0.7:
                break
            acts.append(Act(_moment(begin, month, 28), Deed.RESUME))  # thought better of it
        elif fate < 0.085:
            acts.append(Act(_moment(begin, month, dice.choice(ACT_DAYS)), Deed.CANCEL_NOW))
            break
        elif fate < 0.105:
            acts += _pause(dice, begin=begin, month=month)
            month += 2
        elif fate < 0.125:
            acts.append(Act(_moment(begin, month, dice.choice(ACT_DAYS)), Deed.USE_CARD, dice.choice(GOOD_CARDS)))
        month += 1
    return sorted(acts, key=_time)


def _trouble_with_a_card(dice: random.Random, *, begin: datetime, month: int, has_trial: bool) -> list[Act]:
    """Return a card that fails at the next renewal, and another some days later; some customers never bring one."""
    # After a trial of 14 days periods begin in the middle of the month, else with the month.
    spoiled = _moment(begin, month, 10 if has_trial else 24)
    replaced = (
        _moment(begin, month, dice.choice((17, 17, 17, 24)))
        if has_trial
        else _moment(begin, month + 1, dice.choice((3, 3, 3, 10)))
    )
    acts = [Act(spoiled, Deed.USE_CARD, dice.choice(BAD_CARDS))]
    if dice.random() < 0.75:
        acts.append(Act(replaced, Deed.USE_CARD, dice.choice(GOOD_CARDS)))
    return acts


def _pause(dice: random.Random, *, begin: datetime, month: int) -> list[Act]:
    """Return a pause of one or two months, whose end is said at once, or when it comes."""
    at, until = _moment(begin, month, dice.choice(ACT_DAYS)), _moment(begin, month + dice.randint(1, 2), 17)
    if dice.random() < 0.5:
        return [Act(at, Deed.PAUSE, until.isoformat())]
    return [Act(at, Deed.PAUSE), Act(until, Deed.RESUME)]


def _moment(begin: datetime, month: int, day: int) -> datetime:
    """Return `day` days after the customer's month with this number has begun."""
    return _cycle(begin).boundary(month) + timedelta(days=day)


def _cycle(begin: datetime) -> Cycle:
    return Cycle(begin, begin.day, PriceInterval.MONTH)


def _time(act: Act) -> datetime:
    return act.at


def _weight(offer: Offer) -> float:
    """Return how often an offer is taken beside the others: mostly paid, mostly by the month."""
    return {True: 1.0, False: 4.0}[offer.free] * {"month": 4.0, "year": 1.0}.get(offer.interval, 0.5)
