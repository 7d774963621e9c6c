"""The command: `python -m sandbox serve --host 127.0.0.1 --port 12111 --data-dir DIR`."""

import argparse
import asyncio
import logging
import os
import sys
from pathlib import Path

from sandbox.api.authentication import SECRET_PREFIX, Keys
from sandbox.cards import CardFileError, load_cards
from sandbox.process import end_with_parent
from sandbox.server import DataDirInUse, ServerSettings, serve

_KEY_VARIABLE = "SANDBOX_SECRET_KEY"
_CONFIGURATION_ERROR = 4
_FAILED = 1


def main() -> int:
    """Run the command. Return its exit code: 0 done, 1 failed, 2 wrong usage, 4 wrong configuration."""
    parent = os.getppid()
    arguments = _parser().parse_args()
    logging.basicConfig(
        level=arguments.log_level.upper(), format="%(asctime)s %(levelname)s %(name)s: %(message)s", stream=sys.stderr
    )
    secret = os.environ.get(_KEY_VARIABLE, "")
    if not secret.startswith(SECRET_PREFIX) or len(secret) == len(SECRET_PREFIX):
        return _complain(f"{_KEY_VARIABLE} must hold the secret key to accept, one that begins with {SECRET_PREFIX}.")
    try:
        cards = load_cards(overrides=arguments.cards)
    except CardFileError as error:
        return _complain(str(error))
    end_with_parent(parent=parent)
    settings = ServerSettings(
        host=arguments.host, port=arguments.port, data_dir=arguments.data_dir, keys=Keys(secret), cards=cards
    )
    try:
        asyncio.run(serve(settings))
    except DataDirInUse as error:
        _complain(str(error))
        return _FAILED
    except OSError as error:
        _complain(
            f"The sandbox cannot listen on {arguments.host}:{arguments.port} or use {arguments.data_dir}: {error}"
        )
        return _FAILED
    return 0


def _complain(message: str) -> int:
    sys.stderr.write(f"{message}\n")
    return _CONFIGURATION_ERROR


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m sandbox",
        description="A stateful Stripe for local runs and tests.",
        epilog="example: SANDBOX_SECRET_KEY=sk_test_local python -m sandbox serve --port 12111 --data-dir .sandbox",
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    command = commands.add_parser("serve", help=f"serve until SIGTERM; the secret key comes from {_KEY_VARIABLE}")
    command.add_argument("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    command.add_argument("--port", type=int, default=12111, help="port to listen on (default: %(default)s)")
    command.add_argument("--data-dir", type=Path, required=True, help="directory of the state, made when missing")
    command.add_argument("--cards", type=Path, help="TOML file of cards, laid over the sandbox's own")
    command.add_argument(
        "--log-level", default="warning", choices=("debug", "info", "warning", "error"), help="default: %(default)s"
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
