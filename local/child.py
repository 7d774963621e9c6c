"""Become another program that dies with the process that started it.

Run as a script by `local.process`, never imported by it: `python -I -S child.py PARENT_PID SIGNAL IDENTITY PROGRAM ARG…`.
A wrapper that execs is used in place of `preexec_fn`, which can deadlock in a parent with threads. It must stay free
of imports beyond the standard library: it runs without the virtual environment.

IDENTITY is `same` (keep the user), `UID:GID` (change to that user) or `namespace:UID:GID` (keep this user's rights on files,
but appear as UID inside a user namespace: for a program that refuses to run as root, in a place that only root can reach).
"""

import ctypes
import os
import sys
from pathlib import Path

PR_SET_PDEATHSIG = 1
CLONE_NEWUSER = 0x10000000
PARENT_IS_GONE = 125
NAMESPACE_PREFIX = "namespace:"


def main(arguments: list[str]) -> None:
    """Take the identity, ask the kernel for a signal at the parent's death, and exec the program."""
    parent_pid, death_signal, identity, *program = arguments
    libc = ctypes.CDLL(None, use_errno=True)
    if identity.startswith(NAMESPACE_PREFIX):
        enter_user_namespace(libc, identity.removeprefix(NAMESPACE_PREFIX))
    elif identity != "same":
        change_user(identity)
    # After the change of user: a change of credentials clears the death signal.
    check(libc.prctl(PR_SET_PDEATHSIG, int(death_signal), 0, 0, 0))
    if os.getppid() != int(parent_pid):
        sys.exit(PARENT_IS_GONE)
    os.execvp(program[0], program)  # noqa: S606 - becoming the given program is this script's purpose


def change_user(identity: str) -> None:
    """Drop to `UID:GID` for good, with no supplementary groups."""
    uid, gid = (int(part) for part in identity.split(":"))
    os.setgroups([])
    os.setgid(gid)
    os.setuid(uid)


def enter_user_namespace(libc: ctypes.CDLL, identity: str) -> None:
    """Enter a new user namespace in which the current user is seen as `UID:GID`."""
    uid, gid = identity.split(":")
    outer_uid, outer_gid = os.geteuid(), os.getegid()
    check(libc.unshare(CLONE_NEWUSER))
    # The kernel wants this before an unprivileged gid map.
    Path("/proc/self/setgroups").write_text("deny", encoding="ascii")
    Path("/proc/self/uid_map").write_text(f"{uid} {outer_uid} 1", encoding="ascii")
    Path("/proc/self/gid_map").write_text(f"{gid} {outer_gid} 1", encoding="ascii")


def check(result: int) -> None:
    """Raise OSError when a C call said that it failed."""
    if result != 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))


if __name__ == "__main__":
    main(sys.argv[1:])
