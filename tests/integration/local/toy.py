"""A toy supervisor as a program of its own: embedded Valkey and two processes, so that it can be killed as a whole."""

import os
import sys
from pathlib import Path

from local.data_dir import DataDir
from local.leftovers import end_leftovers
from local.lock import supervisor_lock
from local.procfile import ProcfileEntry
from local.procfile_process import ProcfileProcess
from local.supervisor import StopRequested, Supervisor
from local.valkey import ValkeyServer

# A parent with a child that ignores the polite signal: what a pool of workers looks like when its parent is killed.
STUBBORN = (
    f'{sys.executable} -c "import os, signal, time; '
    'os.fork() or signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(600)"'
)
SHORT_LIVED = f'{sys.executable} -c "import time; time.sleep(1.4)"'


class Quiet:
    def process_ended(self, *, name: str, exit_status: int | None, pause_seconds: float) -> None:
        sys.stdout.write(f"{name} ended with {exit_status}, again in {pause_seconds} s\n")

    def processes_changed(self) -> None:
        pass


def main(path: Path) -> None:
    data_dir = DataDir(path)
    data_dir.create()
    with supervisor_lock(path=data_dir.lock_path):
        end_leftovers(state_path=data_dir.state_path)
        supervisor = Supervisor(state_path=data_dir.state_path, control_dir=data_dir.control_dir)
        valkey = ValkeyServer(data_dir=path / "valkey", password="secret", log_path=data_dir.log_path(name="valkey"))
        processes = [
            ProcfileProcess(
                entry=ProcfileEntry(name=name, command=command),
                env=os.environ,
                cwd=path,
                log_path=data_dir.log_path(name=name),
                api_url="",
                flower_url="",
            )
            for name, command in {"stubborn": STUBBORN, "short": SHORT_LIVED}.items()
        ]
        with supervisor.running():
            supervisor.launch(valkey, is_server=True)
            supervisor.await_ready(valkey)
            for process in processes:
                supervisor.launch(process)
            for process in processes:
                supervisor.await_ready(process)
            sys.stdout.write("ready\n")
            sys.stdout.flush()
            supervisor.supervise(listener=Quiet())


if __name__ == "__main__":
    try:
        main(Path(sys.argv[1]))
    except StopRequested:
        sys.stdout.write("stopped\n")
