"""The product that the service tells of events: a receiver of webhooks, which a schedule lets misbehave."""

import socket
from collections.abc import Callable
from typing import NamedTuple

from tests.integration.outgoing.receiver import OK, Behaviour, Message, Receiver


class Arrival(NamedTuple):
    """A webhook that the product took: its id, and whether a signature of its was right."""

    id: str
    is_signed: bool


class Product:
    """Listens until it is closed; takes what comes, unless it misbehaves."""

    def __init__(self) -> None:
        self.secret = ""
        self._arrivals: list[Arrival] = []
        self._receiver = Receiver()
        self._receiver.behave = self._take
        self._receiver.__enter__()

    @property
    def url(self) -> str:
        """Where it listens."""
        return self._receiver.url

    @property
    def arrivals(self) -> list[Arrival]:
        """What it took, in order; the same one more than once where its answer was lost."""
        return list(self._arrivals)

    def misbehave(self, behaviour: Behaviour) -> Callable[[], None]:
        """Meet every message with `behaviour`; return what ends that."""
        self._receiver.behave = behaviour

        def behave() -> None:
            self._receiver.behave = self._take

        return behave

    def close(self) -> None:
        """Stop listening."""
        self._receiver.__exit__()

    def _take(self, message: Message, connection: socket.socket) -> None:
        # Before it is answered: the next one of the lane may come as soon as it is.
        self._arrivals.append(Arrival(message.id, message.signed_with(self.secret)))
        connection.sendall(OK)
