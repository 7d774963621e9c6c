"""Opens units of work over the store, and wakes those who wait for what a commit has queued."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from sandbox.cards import CardCatalog
from sandbox.events.record import Cause, EventRecorder
from sandbox.state.store import Store
from sandbox.work import Work


class Workbench:
    """Holds what every unit of work shares: the store, the cards, the clock and the sandbox's own address."""

    def __init__(self, *, store: Store, cards: CardCatalog, clock: Callable[[], float], base_url: str) -> None:
        self.store = store
        self.cards = cards
        self.clock = clock
        self.base_url = base_url
        self._listeners: list[Callable[[frozenset[str]], None]] = []

    def on_commit(self, listener: Callable[[frozenset[str]], None], /) -> None:
        """Call a function after each commit, with the kinds of what was written."""
        self._listeners.append(listener)

    @contextmanager
    def work(self, *, cause: Cause | None = None, base_url: str | None = None) -> Iterator[Work]:
        """Give a unit of work that commits at the end of the block and leaves no trace when the block raises."""
        now = self.clock()
        cause = cause or Cause()
        with self.store.transaction() as transaction:
            yield Work(
                transaction=transaction,
                now=now,
                cards=self.cards,
                base_url=base_url or self.base_url,
                cause=cause,
                recorder=EventRecorder(transaction=transaction, cause=cause, now=now),
            )
        self._tell(frozenset(transaction.changed))

    def forget_everything(self) -> None:
        """Empty the store."""
        self.store.forget_everything()
        self._tell(frozenset({"webhook_endpoint"}))

    def _tell(self, changed: frozenset[str]) -> None:
        if changed:
            for listener in self._listeners:
                listener(changed)
