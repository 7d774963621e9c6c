"""The two commands that the stack needs of a service: `migrate` and `keys create`. Each call leaves a line in BILLING_HOME."""

import os
import sys
from pathlib import Path

import psycopg

CALLS = Path(os.environ["BILLING_HOME"]) / "calls"


def main(arguments: list[str]) -> int:
    with CALLS.open("a", encoding="utf-8") as calls:
        calls.write(" ".join(arguments) + "\n")
    if os.environ.get("TOY_BREAKS") == arguments[0]:
        sys.stderr.write("the toy was told to break\n")
        return 1
    with psycopg.connect(os.environ["DATABASE_URL"]) as connection:
        if arguments == ["migrate"]:
            connection.execute("CREATE TABLE alembic_version (version_num text)")
            connection.execute("INSERT INTO alembic_version VALUES ('0001')")
        else:
            connection.execute("SELECT version_num FROM alembic_version")
            sys.stdout.write('{"id": "key_1", "key": "bk_test_toy"}\n')
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
