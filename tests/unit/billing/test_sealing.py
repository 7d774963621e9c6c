"""A sealed secret opens under its key, for its row, unchanged; and in no other way."""

import pytest

from billing.sealing import SealDoesNotOpen, seal, unseal

OLD, NEW = b"o" * 32, b"n" * 32


def test_it_opens_under_its_key_and_while_keys_are_rotated() -> None:
    sealed = seal(b"secret", keys=[OLD], sealed_for="row 1")

    assert unseal(sealed, keys=[OLD], sealed_for="row 1") == b"secret"
    assert unseal(sealed, keys=[NEW, OLD], sealed_for="row 1") == b"secret"
    assert b"secret" not in sealed
    assert sealed != seal(b"secret", keys=[OLD], sealed_for="row 1")


@pytest.mark.parametrize("keys", [[NEW], []])
def test_without_its_key_it_stays_shut(keys: list[bytes]) -> None:
    with pytest.raises(SealDoesNotOpen):
        unseal(seal(b"secret", keys=[OLD], sealed_for="row 1"), keys=keys, sealed_for="row 1")


def test_moved_to_another_row_it_stays_shut() -> None:
    with pytest.raises(SealDoesNotOpen):
        unseal(seal(b"secret", keys=[OLD], sealed_for="row 1"), keys=[OLD], sealed_for="row 2")


@pytest.mark.parametrize("place", [0, 1, 5, 20, -1])
def test_changed_anywhere_it_stays_shut(place: int) -> None:
    changed = bytearray(seal(b"secret", keys=[OLD], sealed_for="row 1"))
    changed[place] ^= 1

    with pytest.raises(SealDoesNotOpen):
        unseal(bytes(changed), keys=[OLD], sealed_for="row 1")


@pytest.mark.parametrize("sealed", [b"", b"\x01", b"secret"])
def test_what_was_never_sealed_stays_shut(sealed: bytes) -> None:
    with pytest.raises(SealDoesNotOpen):
        unseal(sealed, keys=[OLD], sealed_for="row 1")
