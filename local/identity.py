"""As whom Postgres runs: it refuses root, so that a root user needs another identity for it."""

import os
import stat
import subprocess
import sys
from pathlib import Path

from local.errors import Misconfigured
from local.process import CHILD_SCRIPT

# "nobody" on every distribution; the name need not exist in /etc/passwd.
NOBODY = 65534
SAME_USER = "same"
NAMESPACE = f"namespace:{NOBODY}:{NOBODY}"
TRIAL_SECONDS_MAX = 10


def identity_for(*, user_id: int, data_dir: Path, program: Path) -> str:
    """Return the identity (see `local.child`) under which the user's `program` can serve `data_dir`.

    An ordinary user stays who they are. Root becomes the owner of an existing directory, uid 65534 for a new one. Where that user
    cannot reach the program or the directory (a checkout under /root), root's own files are used from a user namespace.
    Raises Misconfigured when neither is possible.
    """
    if user_id != 0:
        return SAME_USER
    owner = data_dir.stat() if data_dir.exists() else None
    uid, gid = (owner.st_uid, owner.st_gid) if owner is not None and owner.st_uid != 0 else (NOBODY, NOBODY)
    blocked = [path for path in (program, data_dir) if not others_reach(path=path)]
    if not blocked:
        return f"{uid}:{gid}"
    if namespace_works():
        return NAMESPACE
    raise Misconfigured(
        f"Postgres does not run as root, and uid {uid} cannot reach {blocked[0]}",
        mend="run as an ordinary user, or move the project and its --data-dir to a place that every user can enter, such as /srv",
    )


def hand_over(*, directory: Path, identity: str) -> None:
    """Give the directory and all in it to the identity's user, where it is not theirs already. Only root ever needs it."""
    if identity == SAME_USER:
        return
    uid, gid = (0, 0) if identity == NAMESPACE else (int(part) for part in identity.split(":"))
    if directory.stat().st_uid == uid:
        return
    for path in (directory, *directory.rglob("*")):
        os.chown(path, uid, gid, follow_symlinks=False)


def others_reach(*, path: Path) -> bool:
    """Say whether a user with no special rights can enter every directory above `path`."""
    return all(parent.stat().st_mode & stat.S_IXOTH for parent in path.absolute().parents if parent.exists())


def namespace_works() -> bool:
    """Try a user namespace: containers and hardened kernels may forbid it."""
    trial = subprocess.run(
        [sys.executable, "-I", "-S", str(CHILD_SCRIPT), str(os.getpid()), "9", NAMESPACE, "true"],
        capture_output=True,
        timeout=TRIAL_SECONDS_MAX,
        check=False,
    )
    return trial.returncode == 0
