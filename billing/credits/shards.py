"""Rule: which shard a customer's credits are in, and what its keys are called.

There are 64 shards, for ever. A shard's hash tag stands in all keys of its customers and in its journal, so that a script
finds them on one node of a cluster. The shard is the last six bits of the customer's id, which are random in a UUIDv7; the id
of a hold ends in the same bits, so that it can be found by itself.
"""

from dataclasses import dataclass
from hashlib import sha256
from uuid import UUID

from models.ids import new_id

SHARDS = 64


def shard_of(identifier: UUID) -> int:
    """Return the shard, 0 to 63, of a customer or of one of its holds."""
    return identifier.int % SHARDS


def new_hold_id(customer_id: UUID) -> UUID:
    """Return a new UUIDv7 that ends as the customer's id does."""
    made = new_id()
    return UUID(int=made.int - made.int % SHARDS + shard_of(customer_id))


def key_digest(idempotency_key: str, *, caller: str) -> str:
    """Return what stands for a caller's idempotency key (32 hexadecimal digits); the key itself is the caller's secret."""
    return sha256(f"{caller}\x00{idempotency_key}".encode()).hexdigest()[:32]


_TAGS = tuple(f"credits:{{s{number:02d}}}" for number in range(SHARDS))


@dataclass(frozen=True, slots=True)
class Shard:
    """One shard's keys."""

    number: int

    @classmethod
    def of(cls, identifier: UUID) -> "Shard":
        """Return the shard of a customer, or of one of its holds."""
        return cls(shard_of(identifier))

    @property
    def journal(self) -> str:
        """The stream that every operation appends to."""
        return f"{self._tag}:journal"

    @property
    def due(self) -> str:
        """The customers of whom something ends, by when."""
        return f"{self._tag}:due"

    @property
    def due_on_clocks(self) -> str:
        """The same, of the customers on test clocks: nothing of theirs ends in real time."""
        return f"{self._tag}:due:clock"

    @property
    def epoch(self) -> str:
        """Which rebuild the shard's memory is from; missing when the memory is lost."""
        return f"{self._tag}:epoch"

    @property
    def transfers(self) -> str:
        """The transfers under way that the shard's customers send."""
        return f"{self._tag}:transfers"

    def account(self, customer_id: UUID | str) -> str:
        """A customer's account."""
        return f"{self._tag}:account:{customer_id}"

    def account_on_clock(self, customer_id: UUID | str) -> str:
        """The account of a customer on a test clock; the scripts know it by its name."""
        return f"{self._tag}:account:clock:{customer_id}"

    @property
    def account_pattern(self) -> str:
        """What matches the accounts of this shard, and nothing else."""
        return f"{self._tag}:account:*"

    def answer(self, customer_id: UUID | str, key: str) -> str:
        """The answer that was given under an idempotency key; `key` is its digest."""
        return f"{self._tag}:answer:{customer_id}:{key}"

    def hold(self, hold_id: UUID) -> str:
        """Whose a hold is."""
        return f"{self._tag}:hold:{hold_id}"

    @property
    def _tag(self) -> str:
        return _TAGS[self.number]


ALL_SHARDS = tuple(Shard(number) for number in range(SHARDS))
