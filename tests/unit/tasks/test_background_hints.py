"""A hint that could not be sent is tried again: a broker that blinked must not cost a sweep."""

import threading

from billing.hints import Hint
from tasks.hints import BackgroundHints

LONG_SECONDS = 30.0


class Broker:
    """Refuses as often as it is told to, and notes what it takes."""

    def __init__(self, *, refuses: int) -> None:
        self._refuses = refuses
        self.asked: list[Hint] = []
        self.taken = threading.Event()

    def send(self, hint: Hint) -> bool:
        self.asked.append(hint)
        if len(self.asked) <= self._refuses:
            return False
        self.taken.set()
        return True


def test_what_could_not_be_sent_is_sent_when_the_broker_is_back() -> None:
    broker = Broker(refuses=1)

    BackgroundHints(broker.send)(Hint.OPERATIONS)

    assert broker.taken.wait(LONG_SECONDS)
    assert broker.asked == [Hint.OPERATIONS, Hint.OPERATIONS]


def test_what_was_sent_is_not_sent_again() -> None:
    broker = Broker(refuses=0)
    hints = BackgroundHints(broker.send)

    hints(Hint.OPERATIONS)
    assert broker.taken.wait(LONG_SECONDS)
    broker.taken.clear()
    hints(Hint.INBOX)

    assert broker.taken.wait(LONG_SECONDS)
    assert broker.asked == [Hint.OPERATIONS, Hint.INBOX]
