"""Faults of what lies between two parts: the proxies misbehave."""

from tests.chaos.fault import Fault, Shot, Undo
from tests.chaos.proxy import LinkFault
from tests.chaos.stack import LINKS, ChaosStack

_HTTP = ("gateway", "webhooks", "clients")
_DELAYS_MS = (5, 40, 250)
_CUTS_BYTES = (0, 1, 40, 500, 4000)


def _on(link: str, fault: LinkFault, *, amounts: tuple[int, ...] = (0,), seconds: tuple[float, float]) -> Fault:
    def inject(stack: ChaosStack, shot: Shot) -> Undo:
        stack.links[link].misbehave(fault, amount=amounts[shot.number % len(amounts)])
        return stack.links[link].behave

    hurts = link == "postgres" and fault in {LinkFault.RESET, LinkFault.BLACK_HOLE, LinkFault.CUT}
    return Fault(
        name=f"{fault}.{link}",
        rows=(3,) if fault is LinkFault.LOSE_POP else (23,) if fault is LinkFault.HTML else (21,),
        resource=f"link:{link}",
        inject=inject,
        seconds=seconds,
        wear=1 if hurts else 0,
    )


def _delays(link: str) -> tuple[int, ...]:
    # A transaction has some ten round trips, and its locks have a time-out.
    return _DELAYS_MS[:2] if link == "postgres" else _DELAYS_MS


LINK_FAULTS = (
    *(_on(link, LinkFault.RESET, seconds=(0.3, 3.0)) for link in LINKS),
    *(_on(link, LinkFault.BLACK_HOLE, seconds=(1.0, 6.0)) for link in LINKS),
    *(_on(link, LinkFault.DELAY, amounts=_delays(link), seconds=(2.0, 8.0)) for link in LINKS),
    *(_on(link, LinkFault.BYTES, seconds=(1.0, 3.0)) for link in LINKS),
    *(_on(link, LinkFault.CUT, amounts=_CUTS_BYTES, seconds=(1.0, 4.0)) for link in LINKS),
    *(_on(link, LinkFault.HTML, seconds=(1.0, 4.0)) for link in _HTTP),
    _on("broker", LinkFault.LOSE_POP, seconds=(2.0, 6.0)),
)
