import os
from pathlib import Path

from local.identity import NOBODY, SAME_USER, identity_for, others_reach


def test_a_closed_directory_above_keeps_others_out(data_dir: Path) -> None:
    inside = data_dir / "open" / "closed" / "program"
    inside.parent.mkdir(parents=True)
    inside.touch()

    assert others_reach(path=inside)
    inside.parent.chmod(0o700)
    assert not others_reach(path=inside)


def test_an_ordinary_user_stays_who_they_are(data_dir: Path) -> None:
    assert identity_for(user_id=1000, data_dir=data_dir, program=data_dir / "postgres") == SAME_USER


def test_root_serves_a_new_directory_as_nobody(data_dir: Path) -> None:
    assert identity_for(user_id=0, data_dir=data_dir / "new", program=data_dir / "postgres") == f"{NOBODY}:{NOBODY}"


def test_root_serves_an_existing_directory_as_its_owner(data_dir: Path) -> None:
    if os.geteuid() == 0:
        os.chown(data_dir, 1234, 1235)
    owner = data_dir.stat()

    identity = identity_for(user_id=0, data_dir=data_dir, program=data_dir / "postgres")

    assert identity == f"{owner.st_uid}:{owner.st_gid}"
