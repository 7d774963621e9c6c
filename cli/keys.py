"""`billing keys`: create, list and revoke API keys."""

from datetime import timedelta
from typing import Annotated

import typer
from rich.table import Table

from billing.access.keys import KeyNotFound, ScopesUnknown, create_key, key_representation, list_keys, revoke_key
from billing.actor import OPERATOR_CLI
from billing.clock import utc_now
from billing.settings import settings
from cli.database import command_session
from cli.exit_codes import ExitCode
from cli.failures import CommandFailure
from cli.options import DEFAULT_DATA_DIR, DataDirOption, JsonOption, LiveOption, YesOption
from cli.output import data, messages, print_json, tick
from models.api_key import Role

app = typer.Typer(help="API keys: create, list, revoke.", no_args_is_help=True, add_completion=False)


@app.command(epilog="Example: billing keys create --name shop --role service")
def create(
    *,
    name: Annotated[str, typer.Option(help="What the key is for; shown in lists and in the audit log.")] = "unnamed",
    role: Annotated[Role, typer.Option(help="What it may do.")] = Role.SERVICE,
    scopes: Annotated[str, typer.Option(help="Only these of the role's scopes, comma-separated.")] = "",
    expires_in_days: Annotated[
        int | None, typer.Option(min=1, max=3650, help="When it ends; never, unless given.")
    ] = None,
    as_json: JsonOption = False,
    data_dir: DataDirOption = DEFAULT_DATA_DIR,
) -> None:
    """Create a key. Its text is shown this once; what is stored cannot be turned back into it."""
    now = utc_now()
    try:
        with command_session(data_dir=data_dir) as session:
            key, text = create_key(
                session,
                name=name,
                mode=settings().mode,
                role=role,
                scopes=[scope.strip() for scope in scopes.split(",") if scope.strip()] or None,
                expires_at=None if expires_in_days is None else now + timedelta(days=expires_in_days),
                pepper=settings().API_KEY_PEPPER.get_secret_value(),
                actor=OPERATOR_CLI,
                now=now,
            )
            shown = key_representation(key)
    except ScopesUnknown as error:
        raise CommandFailure(
            error.detail, mend="leave --scopes out for all of the role's", exit_code=ExitCode.USAGE
        ) from None
    if as_json:
        print_json({"id": shown["id"], "key": text})
        return
    messages().print(f"{tick()} {shown['id']} ({name}, {role}); its text is shown this once:")
    data().print(text, markup=False, soft_wrap=True)


@app.command("list", epilog="Example: billing keys list --json")
def list_(*, as_json: JsonOption = False, data_dir: DataDirOption = DEFAULT_DATA_DIR) -> None:
    """List all keys, newest first."""
    with command_session(data_dir=data_dir) as session:
        keys = [key_representation(key) for key in list_keys(session)]
    if as_json:
        print_json(keys)
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in ("id", "name", "role", "hint", "last used", "state"):
        table.add_column(column)
    for key in keys:
        state = "revoked" if key["revoked_at"] else f"until {key['expires_at']}" if key["expires_at"] else "in force"
        shown = (key["id"], key["name"], key["role"], key["hint"], key["last_used_at"] or "never", state)
        table.add_row(*(str(cell) for cell in shown))
    data().print(table)


@app.command(epilog="Example: billing keys revoke key_01h455vb4pex5vsknk084sn02q --yes")
def revoke(
    *,
    key_id: Annotated[str, typer.Argument(help="The key's id, key_…")],
    yes: YesOption = False,
    live: LiveOption = False,
    data_dir: DataDirOption = DEFAULT_DATA_DIR,
) -> None:
    """Revoke a key, at once and for good."""
    with command_session(data_dir=data_dir) as session:
        if settings().livemode and not live:
            raise CommandFailure(
                "this is a live installation", mend="add --live if you mean it", exit_code=ExitCode.USAGE
            )
        if not yes:
            typer.confirm(f"Revoke {key_id}? Whoever uses it is refused from then on.", abort=True, err=True)
        try:
            revoke_key(session, public=key_id, actor=OPERATOR_CLI, now=utc_now())
        except KeyNotFound as error:
            raise CommandFailure(error.detail, mend="see `billing keys list`") from None
    messages().print(f"{tick()} {key_id} is revoked")
