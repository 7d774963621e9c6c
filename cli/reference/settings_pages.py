"""`.env.example` and the page of settings, from the fields of `billing.settings.Settings` and their descriptions."""

import json
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from billing.settings import Settings
from cli.reference.page import GENERATED, cell

_ENV_HEADER = """\
# Every setting of the service. Written by `billing reference --write`; the values shown are the defaults.
# Required ones stand without a `#` and have to be filled in. `billing doctor` checks them all.
"""


class SettingEntry(NamedTuple):
    """One setting as its pages show it; `default` is None where the setting is required."""

    name: str
    takes: str
    default: str | None
    description: str


def settings_page() -> str:
    """Return the reference page of all settings."""
    rows = "".join(
        f"| `{entry.name}` | {cell(entry.takes)} | {_shown_default(entry)} | {cell(entry.description)} |\n"
        for entry in _entries()
    )
    return (
        f"# Settings\n\n{GENERATED}\n\n"
        "Environment variables, read once when a process starts. A wrong or missing value stops the start with one line for "
        "each fault. Names that are not listed are ignored.\n\n"
        f"| name | takes | default | meaning |\n|---|---|---|---|\n{rows}"
    )


def env_example() -> str:
    """Return `.env.example`: every setting with its description, the required ones to be filled in."""
    blocks = [_ENV_HEADER]
    for entry in _entries():
        line = f"{entry.name}=" if entry.default is None else f"# {entry.name}={entry.default}"
        blocks.append(f"# {entry.description} ({entry.takes})\n{line}\n")
    return "\n".join(blocks)


def _entries() -> Iterator[SettingEntry]:
    schema = Settings.model_json_schema()
    for name, fragment in schema["properties"].items():
        field = {**schema["$defs"][fragment["$ref"].rpartition("/")[2]], **fragment} if "$ref" in fragment else fragment
        required = name in schema["required"]
        default = None if required else _as_variable(field["default"])
        yield SettingEntry(name, _takes(field), default, fragment["description"])


def _takes(field: Mapping[str, Any]) -> str:
    if "enum" in field:
        return " or ".join(f"`{choice}`" for choice in field["enum"])
    if "anyOf" in field:  # a Decimal, which a JSON document may write as a number or as a text
        return _number(field["anyOf"][0])
    if field["type"] == "boolean":
        return "`true` or `false`"
    if field["type"] in {"integer", "number"}:
        return _number(field)
    if field["type"] == "array":
        return "secrets, comma-separated"
    if field.get("writeOnly"):
        return f"secret of at least {field['minLength']} characters" if "minLength" in field else "secret"
    return f"text that matches `{field['pattern']}`" if "pattern" in field else "text"


def _number(field: Mapping[str, Any]) -> str:
    kind = "whole number" if field["type"] == "integer" else "number"
    bounds = [
        f"{words} {_as_variable(field[key])}"
        for key, words in (
            ("minimum", "from"),
            ("exclusiveMinimum", "above"),
            ("maximum", "to"),
            ("exclusiveMaximum", "below"),
        )
        if key in field
    ]
    return " ".join([kind, *bounds])


def _as_variable(value: object) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, dict):  # {"EUR": 0.92} is written as EUR:0.92
        return ",".join(f"{name}:{part}" for name, part in value.items())
    return f"{value:g}" if isinstance(value, float) else json.dumps(value)


def _shown_default(entry: SettingEntry) -> str:
    if entry.default is None:
        return "**required**"
    return f"`{entry.default}`" if entry.default else "none"
