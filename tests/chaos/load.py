"""The load: clients that live through stories of payments, refunds, customers and credits while the faults go on."""

import random
import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx

from tests.chaos.client import Answer, Client, Journal
from tests.chaos.spender import Spender
from tests.chaos.stack import ChaosStack
from tests.chaos.subscriber import Subscriber

CLIENTS = 5
SPENDERS = 2
_SETTLE_SECONDS = 25.0
_THINK_SECONDS = (0.05, 0.35)
_UNDER_WAY = frozenset({"pending", "processing"})
_GOOD_CARDS = ("pm_card_visa", "pm_card_mastercard", "pm_card_amex", "pm_card_bypassPending")
_BAD_CARDS = (
    "pm_card_chargeDeclined",
    "pm_card_chargeDeclinedInsufficientFunds",
    "pm_card_chargeDeclinedExpiredCard",
    "pm_card_chargeDeclinedProcessingError",
)
_RETURN_URL = "https://shop.example/return"


class _Shopper:
    """One thread of the load."""

    def __init__(self, *, load: "Load", number: int) -> None:
        self._load = load
        self._rng = random.Random(f"{load.seed}/{number}")
        self._client = load.client(f"{load.seed}/{number}/client")
        self._customer = ""

    def run(self) -> None:
        """Live through one story after the other until the load is told to end."""
        stories = (
            (self._pays_at_once, 5),
            (self._pays_and_is_refunded, 5),
            (self._reserves_and_captures, 3),
            (self._reserves_and_cancels, 1),
            (self._is_declined_and_pays_with_another_card, 3),
            (self._authenticates, 3),
            (self._is_charged_in_absence, 1),
            (self._looks_first_and_confirms_later, 2),
            (self._moves_house, 2),
            (self._clicks_twice, 2),
        )
        weights = [weight for _, weight in stories]
        while not self._load.ending.is_set():
            if not self._customer or self._rng.random() < 0.1:
                self._customer = self._new_customer()
                continue
            story = self._rng.choices([story for story, _ in stories], weights)[0]
            story()
            self._load.ending.wait(self._rng.uniform(*_THINK_SECONDS))
        self._client.close()

    # -- stories ------------------------------------------------------------------------------------------------------

    def _pays_at_once(self) -> None:
        self._pay(self._rng.choice(_GOOD_CARDS))

    def _pays_and_is_refunded(self) -> None:
        payment = self._settle(self._pay(self._rng.choice(_GOOD_CARDS)))
        if payment is None or payment["status"] != "succeeded":
            return
        asked = [self._rng.randint(1, payment["amount"]) for _ in range(self._rng.randint(1, 3))]
        self._at_once([{"payment_id": payment["id"], "amount": amount} for amount in asked])
        if self._rng.random() < 0.3:
            self._post("/payments/refund", {"payment_id": payment["id"]})

    def _reserves_and_captures(self) -> None:
        payment = self._settle(self._pay("pm_card_visa", capture="manual"))
        if payment is None or payment["status"] != "requires_capture":
            return
        part = {"amount": self._rng.randint(1, payment["amount"])} if self._rng.random() < 0.5 else {}
        self._post(f"/payments/{payment['id']}/capture", part)
        captured = self._settle(Answer(202, payment), unsettled=_UNDER_WAY | {"requires_capture"})
        if captured is not None and self._rng.random() < 0.5:
            self._post("/payments/refund", {"payment_id": payment["id"]})

    def _reserves_and_cancels(self) -> None:
        payment = self._settle(self._pay("pm_card_visa", capture="manual"))
        if payment is not None:
            self._post(f"/payments/{payment['id']}/cancel", {})

    def _is_declined_and_pays_with_another_card(self) -> None:
        payment = self._settle(self._pay(self._rng.choice(_BAD_CARDS)))
        if payment is not None and payment["status"] == "requires_payment_method":
            self._post("/payments/confirm", {"payment_id": payment["id"], "payment_method": "pm_card_visa"})

    def _authenticates(self) -> None:
        payment = self._settle(self._pay("pm_card_authenticationRequired", return_url=_RETURN_URL))
        if payment is not None and payment["status"] == "requires_action":
            outcome = "complete" if self._rng.random() < 0.8 else "fail"
            self._load.authenticate(payment["gateway_id"], outcome=outcome)

    def _is_charged_in_absence(self) -> None:
        """Nobody is there to authenticate: one of the cards is declined for that."""
        self._pay(self._rng.choice(("pm_card_visa", "pm_card_authenticationRequired")), off_session=True)

    def _looks_first_and_confirms_later(self) -> None:
        payment = self._settle(self._pay(None))
        if payment is not None:
            self._post("/payments/confirm", {"payment_id": payment["id"], "payment_method": "pm_card_visa"})

    def _moves_house(self) -> None:
        for number in range(self._rng.randint(1, 3)):
            self._client.put(f"/customers/{self._customer}", {"name": f"Name {number} {self._rng.randint(0, 99_999)}"})

    def _clicks_twice(self) -> None:
        """Two requests under one key at the same moment: one of them may be told to wait."""
        body = self._payment_body("pm_card_visa")
        key = f"{self._rng.getrandbits(64):016x}"
        self._load.twice("/payments/intent", body, key=key)

    # -- words --------------------------------------------------------------------------------------------------------

    def _new_customer(self) -> str:
        answer = self._post("/customers", {"email": f"c{self._rng.getrandbits(32)}@example.com", "name": "Load"})
        return str(answer.body["id"]) if answer is not None and answer.status == 201 else ""

    def _payment_body(self, card: str | None, **fields: Any) -> dict[str, Any]:
        body = {"customer_id": self._customer, "amount": self._rng.randint(100, 9999), "currency": "USD", **fields}
        return body if card is None else {**body, "payment_method": card, "confirm": True}

    def _pay(self, card: str | None, **fields: Any) -> Answer | None:
        wait = self._rng.choice((0, 0, 3))
        return self._post("/payments/intent", self._payment_body(card, **fields), wait=wait)

    def _settle(self, answer: Answer | None, *, unsettled: frozenset[str] = _UNDER_WAY) -> dict[str, Any] | None:
        """Wait until the payment of an answer stands still."""
        if answer is None or self._load.ending.is_set():
            return None
        payment_id = answer.body.get("payment_id") or answer.body.get("id")
        return self._client.settled(f"/payments/{payment_id}", unsettled=unsettled, seconds=_SETTLE_SECONDS)

    def _at_once(self, refunds: list[dict[str, Any]]) -> None:
        """Ask for several refunds at the same moment: together they may be more than there is."""
        with ThreadPoolExecutor(len(refunds)) as pool:
            list(pool.map(self._load.refund, refunds))

    def _post(self, path: str, body: dict[str, Any], *, wait: int = 0) -> Answer | None:
        return self._client.post(path, body, wait=wait)


class Load:
    """All clients of one schedule."""

    def __init__(self, *, stack: ChaosStack, seed: str, journal: Journal) -> None:
        self.seed = seed
        self.journal = journal
        self.ending = threading.Event()
        self._give_up = threading.Event()
        self._stack = stack
        self._failures: list[str] = []
        self._threads = [
            threading.Thread(target=self._guarded, args=(_Shopper(load=self, number=number).run,), daemon=True)
            for number in range(CLIENTS)
        ]
        self._threads += [
            threading.Thread(target=self._guarded, args=(self._spender(number).run,), daemon=True)
            for number in range(SPENDERS)
        ]
        self._threads.append(threading.Thread(target=self._guarded, args=(self._subscriber().run,), daemon=True))

    def start(self) -> None:
        """Let the clients begin."""
        for thread in self._threads:
            thread.start()

    def end(self) -> None:
        """Ask the clients to finish what they are at; each still gets an answer to what it asked for."""
        self.ending.set()

    @property
    def is_over(self) -> bool:
        """Whether every client has had its answers."""
        return not any(thread.is_alive() for thread in self._threads)

    def abandon(self) -> list[str]:
        """Stop waiting for answers, and return what the clients themselves stumbled over."""
        self._give_up.set()
        self.ending.set()
        for thread in self._threads:
            thread.join(20)
        return self._failures

    def client(self, seed: str) -> Client:
        """Return a new client."""
        return Client(
            url=self._stack.clients_url,
            api_key=self._stack.api_key,
            journal=self.journal,
            rng=random.Random(seed),
            give_up=self._give_up,
        )

    def _spender(self, number: int) -> Spender:
        rng = random.Random(f"{self.seed}/spender {number}")
        return Spender(client=self.client(f"{self.seed}/spender {number}/client"), rng=rng, ending=self.ending)

    def _subscriber(self) -> Subscriber:
        rng = random.Random(f"{self.seed}/subscriber")
        return Subscriber(client=self.client(f"{self.seed}/subscriber/client"), rng=rng, ending=self.ending)

    def refund(self, body: dict[str, Any]) -> None:
        """Ask for a refund through a client of its own."""
        client = self.client(f"{self.seed}/{body}/{len(self.journal.wishes)}")
        client.post("/payments/refund", body)
        client.close()

    def twice(self, path: str, body: dict[str, Any], *, key: str) -> None:
        """Send the same wish twice at the same moment."""
        wishes = [self.journal.wish(key=key, path=path, body=body) for _ in range(2)]

        def send(number: int) -> None:
            client = self.client(f"{self.seed}/{key}/{number}")
            client.repeat(wishes[number])
            client.close()

        with ThreadPoolExecutor(2) as pool:
            list(pool.map(send, range(2)))

    def authenticate(self, gateway_id: str, *, outcome: str) -> None:
        """Do what the customer does on the bank's page; a bank that does not answer is left alone."""
        try:
            self._stack.control("POST", f"authenticate/{gateway_id}", {"outcome": outcome})
        except httpx.HTTPError:
            return

    def kinds(self) -> Counter[str]:
        """Return how many wishes there were of each kind."""
        return Counter(
            "/".join(part for part in wish.path.split("/") if "_" not in part) for wish in self.journal.wishes
        )

    def _guarded(self, run: Callable[[], None]) -> None:
        try:
            run()
        except Exception as error:  # noqa: BLE001 - a client that stumbles is a finding of its own, not a lost thread
            self._failures.append(f"a client stumbled: {error!r}")
