"""Serves the sandbox on one event loop until it is told to stop."""

import asyncio
import signal
import sqlite3
from dataclasses import dataclass
from pathlib import Path

from sandbox import clock
from sandbox.api.authentication import Keys
from sandbox.application import Application
from sandbox.cards import CardCatalog
from sandbox.events.dispatcher import Dispatcher
from sandbox.state.store import Store
from sandbox.timer import Timer
from sandbox.wire.connection import Connection
from sandbox.workbench import Workbench

_BACKLOG = 512
_CONNECTIONS_LIMIT = 1000
_DATABASE = "sandbox.sqlite3"


class DataDirInUse(Exception):
    """Another sandbox keeps its state in the same directory."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerSettings:
    """Where the sandbox listens, where it keeps its state, and which key opens it."""

    host: str
    port: int
    data_dir: Path
    keys: Keys
    cards: CardCatalog


async def serve(settings: ServerSettings, /) -> None:
    """Serve until SIGTERM or SIGINT.

    Raises OSError when the address is taken and DataDirInUse when the directory is.
    """
    try:
        store = Store(path=settings.data_dir / _DATABASE)
    except sqlite3.OperationalError as error:
        raise DataDirInUse(
            f"{settings.data_dir} is in use by another sandbox, or cannot be written: {error}"
        ) from error
    try:
        await _serve_from(store, settings)
    finally:
        store.close()


async def _serve_from(store: Store, settings: ServerSettings) -> None:
    workbench = Workbench(
        store=store, cards=settings.cards, clock=clock.now, base_url=f"http://{settings.host}:{settings.port}"
    )
    dispatcher = Dispatcher(store=store, clock=clock.now)
    timer = Timer(workbench=workbench)
    workbench.on_commit(dispatcher.notice)
    workbench.on_commit(timer.notice)
    application = Application(workbench=workbench, keys=settings.keys)
    connections: set[asyncio.Task[None]] = set()

    def connect(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if len(connections) >= _CONNECTIONS_LIMIT:
            writer.close()
            return
        connection = Connection(application=application.answer, reader=reader, writer=writer)
        task = asyncio.create_task(connection.serve())
        connections.add(task)
        task.add_done_callback(connections.discard)

    server = await asyncio.start_server(connect, settings.host, settings.port, backlog=_BACKLOG)
    background = [asyncio.create_task(dispatcher.run()), asyncio.create_task(timer.run())]
    stopping = asyncio.create_task(_told_to_stop())
    done, _ = await asyncio.wait([stopping, *background], return_when=asyncio.FIRST_COMPLETED)
    server.close()
    for task in (stopping, *background, *connections):
        task.cancel()
    await asyncio.gather(stopping, *background, *connections, return_exceptions=True)
    for task in done - {stopping}:
        task.result()  # A background task ends only by failing; then the sandbox fails visibly.


async def _told_to_stop() -> None:
    """Wait for SIGTERM or SIGINT."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    await stop.wait()
