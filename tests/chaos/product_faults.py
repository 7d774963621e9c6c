"""Faults of the product that hears of events: it errs, sends elsewhere, is busy, hangs, never ends its answer, hangs up."""

import socket
import threading

from tests.chaos.fault import Fault, Shot, Undo
from tests.chaos.stack import ChaosStack
from tests.integration.outgoing.receiver import Behaviour, Message, answer

_HANGING_SECONDS = 6.0
_ENDLESS = b"HTTP/1.1 500 x\r\ncontent-length: 1073741824\r\n\r\n"
_PIECE = b"x" * 65_536
_PIECES = 16_384


def _hang(_message: Message, _connection: socket.socket) -> None:
    threading.Event().wait(_HANGING_SECONDS)


def _never_end(_message: Message, connection: socket.socket) -> None:
    connection.sendall(_ENDLESS)
    for _ in range(_PIECES):
        connection.sendall(_PIECE)


def _hang_up(_message: Message, connection: socket.socket) -> None:
    connection.close()


_BEHAVIOURS: dict[str, Behaviour] = {
    "errs": answer(500),
    "sends_elsewhere": answer(302, "location: http://169.254.169.254/latest/meta-data/"),
    "is_busy": answer(429, "retry-after: 1"),
    "hangs": _hang,
    "never_ends_its_answer": _never_end,
    "hangs_up": _hang_up,
}


def _misbehaves(name: str, behaviour: Behaviour) -> Fault:
    def inject(stack: ChaosStack, _shot: Shot) -> Undo:
        return stack.product.misbehave(behaviour)

    return Fault(name=f"{name}.product", rows=(33,), resource="product", inject=inject, seconds=(2.0, 6.0))


PRODUCT_FAULTS = tuple(_misbehaves(name, behaviour) for name, behaviour in _BEHAVIOURS.items())
