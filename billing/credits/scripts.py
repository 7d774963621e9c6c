"""The Lua scripts: `lua/account.lua` and, behind it, one of the others; known to the server by the SHA-1 of the whole."""

from enum import StrEnum
from functools import cache
from hashlib import sha1
from importlib.resources import files


class Script(StrEnum):
    """One script for each operation, by the name of its file."""

    DEDUCT = "deduct"
    GRANT = "grant"
    REVOKE = "revoke"
    HOLD = "hold"
    END_HOLD = "end_hold"
    TRANSFER = "transfer"
    RECEIVE_TRANSFER = "receive_transfer"
    END_TRANSFER = "end_transfer"
    SET_LIMIT = "set_limit"
    CATCH_UP = "catch_up"
    LOOK = "look"
    RESTORE = "restore"
    RESTORE_ANSWERS = "restore_answers"


@cache
def source(script: Script) -> str:
    """Return the text that the server runs."""
    folder = files("billing.credits") / "lua"
    return "\n".join((folder / f"{name}.lua").read_text(encoding="utf-8") for name in ("account", script))


@cache
def sha(script: Script) -> str:
    """Return the name under which the server keeps the text."""
    return sha1(source(script).encode(), usedforsecurity=False).hexdigest()
