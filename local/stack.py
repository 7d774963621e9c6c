"""The local stack as a whole: brought up phase by phase, supervised, described in `stack.json`."""

import platform
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace

from local.embedded import PORT_NAMES, Addresses, EmbeddedServers, require_own_servers
from local.environment import process_environment
from local.errors import Misconfigured
from local.installation import Secrets, load_or_choose_ports, load_or_create_secrets
from local.leftovers import end_leftovers
from local.lock import supervisor_lock
from local.options import OwnServers, StackOptions
from local.ports import LOOPBACK, is_free
from local.procfile import read_procfile
from local.procfile_process import ProcfileProcess
from local.reporting import Reporter
from local.server import Server
from local.service_commands import ServiceCommands, key_is_known
from local.service_environment import write_service_environment
from local.stack_file import StackFile, write_stack_file
from local.supervisor import Supervisor

WEBHOOK_PATH = "/webhooks/stripe"
DOCS_PATH = "/docs"
TITLES = {
    "postgres": "Postgres",
    "valkey-broker": "Valkey (broker)",
    "valkey-credits": "Valkey (credits)",
    "sandbox": "Stripe sandbox",
}


@contextmanager
def open_stack(*, options: StackOptions, environment: Mapping[str, str], reporter: Reporter) -> Iterator["LocalStack"]:
    """Take the data directory for the block; at its end every process is stopped and nothing is left behind.

    Raises LockIsHeld when a stack runs there already, Misconfigured when none can run here.
    """
    data_dir = options.data_dir
    _require_linux()
    try:
        data_dir.create()
    except OSError as fault:
        mend = "choose a place that this user may write to: billing up --data-dir DIRECTORY"
        raise Misconfigured(f"{data_dir.path} cannot be used as data directory: {fault.strerror}", mend=mend) from fault
    with supervisor_lock(path=data_dir.lock_path):
        data_dir.stack_path.unlink(missing_ok=True)
        for name in end_leftovers(state_path=data_dir.state_path):
            reporter.note(f"ended {name}, left over from a stack that was killed")
        supervisor = Supervisor(state_path=data_dir.state_path, control_dir=data_dir.control_dir)
        with supervisor.running():
            try:
                yield LocalStack(options=options, environment=environment, reporter=reporter, supervisor=supervisor)
            finally:
                # Before the processes stop: who reads the file may rely on what it names.
                data_dir.stack_path.unlink(missing_ok=True)
                data_dir.environment_path.unlink(missing_ok=True)


def _require_linux() -> None:
    if platform.system() != "Linux":
        raise Misconfigured(
            f"the local stack runs on Linux, this is {platform.system()}: it ends its processes by means of the Linux kernel",
            mend="use a virtual machine or a container, or docker-compose.yml with servers of your own",
        )


class LocalStack:
    """One stack between its start and its end; made by `open_stack`."""

    def __init__(
        self, *, options: StackOptions, environment: Mapping[str, str], reporter: Reporter, supervisor: Supervisor
    ) -> None:
        self._options = options
        self._data_dir = options.data_dir
        self._environment = environment
        self._reporter = reporter
        self._supervisor = supervisor
        self._secrets = Secrets()
        self._stack_file: StackFile | None = None

    def bring_up(self) -> StackFile:
        """Start everything, wait until each part answers, and write `stack.json`.

        Raises LocalStackError when a part fails, StopRequested when the user ends it before.
        """
        own = OwnServers.from_environment(self._environment)
        self._require_free_port()
        self._clear_last_run()
        self._secrets = load_or_create_secrets(path=self._data_dir.secrets_path)
        ports = load_or_choose_ports(path=self._data_dir.ports_path, names=PORT_NAMES)
        embedded = EmbeddedServers.planned(
            data_dir=self._data_dir, own=own, secrets=self._secrets, ports=ports, cards=self._options.cards
        )
        self._start_servers(embedded=embedded, own=own)
        flower_url = f"http://{LOOPBACK}:{ports['flower']}"
        env = process_environment(
            base=self._environment,
            options=self._options,
            secrets=self._secrets,
            addresses=Addresses.of(embedded=embedded, own=own),
            sandbox_url=None if embedded.sandbox is None else embedded.sandbox.url,
            flower_port=ports["flower"],
        )
        write_service_environment(data_dir=self._data_dir, env=env)
        commands = ServiceCommands(
            env=env,
            data_dir=self._data_dir,
            project_root=self._options.project_root,
            keep_waiting=self._supervisor.check_for_stop,
        )
        with self._reporter.phase("Migrations"):
            commands.migrate()
        if self._secrets.api_key is None:
            with self._reporter.phase("API key"):
                self._make_api_key(commands)
        self._start_processes(env=env, flower_url=flower_url)
        if not key_is_known(api_url=self._options.api_url, api_key=self._secrets.api_key or ""):
            with self._reporter.phase("API key (the database did not know the last one)"):
                self._make_api_key(commands)
        return self._describe(env=env, flower_url=flower_url)

    def supervise(self, *, until: Callable[[], bool] = lambda: False) -> None:
        """Keep it running until `until` says so, or a stop signal comes (raises StopRequested)."""
        self._supervisor.supervise(listener=self, until=until)

    def process_ended(self, *, name: str, exit_status: int | None, pause_seconds: float) -> None:
        """Pass a death on to the reporter."""
        self._reporter.process_ended(name=name, exit_status=exit_status, pause_seconds=pause_seconds)

    def processes_changed(self) -> None:
        """Write the new pids into `stack.json`."""
        if self._stack_file is not None:
            self._stack_file = replace(self._stack_file, processes=self._supervisor.pids)
            write_stack_file(path=self._data_dir.stack_path, stack=self._stack_file)

    def _require_free_port(self) -> None:
        host, port = self._options.host, self._options.port
        if not is_free(port=port, host=host):
            raise Misconfigured(
                f"port {port} on {host} is taken by another program, or {host} is no address of this machine",
                mend="choose another: billing up --port 3006 (with make: make run PORT=3006)",
            )

    def _clear_last_run(self) -> None:
        """Remove what described the processes of the last run: their metrics and requests to their supervisor."""
        for folder in (self._data_dir.metrics_dir, self._data_dir.control_dir):
            shutil.rmtree(folder)
        self._data_dir.create()

    def _start_servers(self, *, embedded: EmbeddedServers, own: OwnServers) -> None:
        """Start the embedded servers side by side and prepare what the service expects of them."""
        require_own_servers(own=own)
        # Postgres last: the first start creates its cluster, while the others come up.
        for server in (embedded.broker, embedded.credits, embedded.sandbox, embedded.postgres):
            if server is not None:
                self._supervisor.launch(server, is_server=True)
        if embedded.postgres is not None:
            with self._phase_of(embedded.postgres):
                self._supervisor.await_ready(embedded.postgres)
                embedded.postgres.create_database("billing")
        for valkey in (embedded.broker, embedded.credits):
            if valkey is not None:
                with self._phase_of(valkey):
                    self._supervisor.await_ready(valkey)
        if embedded.sandbox is not None:
            with self._phase_of(embedded.sandbox):
                self._supervisor.await_ready(embedded.sandbox)
                self._secrets.webhook_endpoint = embedded.sandbox.ensure_webhook_endpoint(
                    url=f"{self._options.api_url}{WEBHOOK_PATH}", known=self._secrets.webhook_endpoint
                )
                self._secrets.save(path=self._data_dir.secrets_path)

    def _start_processes(self, *, env: Mapping[str, str], flower_url: str) -> None:
        """Start the processes of the Procfile, and wait for each."""
        processes = [
            ProcfileProcess(
                entry=entry,
                env=env,
                cwd=self._options.project_root,
                log_path=self._data_dir.log_path(name=entry.name),
                api_url=self._options.api_url,
                flower_url=flower_url,
            )
            for entry in read_procfile(path=self._options.procfile)
        ]
        # The API first and by itself: importing is most of a start, and two cores shared by all would make it wait longest.
        first = [process for process in processes if process.kind == "web"]
        for wave in (first, [process for process in processes if process not in first]):
            for process in wave:
                self._supervisor.launch(process)
            for process in wave:
                with self._phase_of(process):
                    self._supervisor.await_ready(process)

    @contextmanager
    def _phase_of(self, server: Server) -> Iterator[None]:
        title = TITLES.get(server.name, server.name)
        with self._reporter.phase(title, since=self._supervisor.launched_at(server)):
            yield

    def _make_api_key(self, commands: ServiceCommands) -> None:
        self._secrets.api_key = commands.make_api_key()
        self._secrets.save(path=self._data_dir.secrets_path)

    def _describe(self, *, env: Mapping[str, str], flower_url: str) -> StackFile:
        """Write `stack.json`: from now on the stack counts as ready."""
        user, _, password = env["FLOWER_BASIC_AUTH"].partition(":")
        self._stack_file = StackFile(
            api_url=self._options.api_url,
            docs_url=f"{self._options.api_url}{DOCS_PATH}",
            flower_url=flower_url,
            flower_user=user,
            flower_password=password,
            api_key=self._secrets.api_key or "",
            database_url=env["DATABASE_URL"],
            broker_url=env.get("CELERY_BROKER_URL") or env["REDIS_URL"],
            redis_url=env["REDIS_URL"],
            credits_url=env["REDIS_CREDITS_URL"],
            stripe_api_base=env.get("STRIPE_API_BASE"),
            stripe_secret_key=env["STRIPE_SECRET_KEY"],
            stripe_publishable_key=env["STRIPE_PUBLISHABLE_KEY"],
            stripe_webhook_secret=env["STRIPE_WEBHOOK_SECRET"],
            processes=self._supervisor.pids,
            log_dir=str(self._data_dir.log_dir),
        )
        write_stack_file(path=self._data_dir.stack_path, stack=self._stack_file)
        return self._stack_file
