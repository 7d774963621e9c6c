"""How the story looks: each step with its request, its answer, the webhook that came back, and its time."""

import json
from collections.abc import Mapping
from typing import Any

from cli.demo.exchange import Exchange
from cli.output import cross, data, tick

# What a reader wants to see of an answer, in this order; the rest is in the docs.
SHOWN = (
    "id", "object", "email", "status", "code", "brand", "last4", "amount", "amount_refunded", "currency",
    "decline", "next_action", "location", "title", "detail",
)  # fmt: skip
WIDTH_MAX = 160


def tell_title(*, number: int, title: str) -> None:
    """Begin a step."""
    data().print(f"\n{number}. {title}", style="bold", markup=False)


def tell_exchange(exchange: Exchange) -> None:
    """Show a request and its answer."""
    sent = "" if exchange.body is None else f" {json.dumps(exchange.body)}"
    _line("->", f"{exchange.method} {exchange.url}{sent}")
    _line("<-", f"{exchange.status} {_short(exchange.answer)}")


def tell_webhook(event: Mapping[str, Any]) -> None:
    """Show the webhook that came back."""
    _line("<-", f"webhook {event['type']} ({event['id']}): {event['status']}", style="cyan")


def tell_remark(text: str) -> None:
    """Show a sentence of the story."""
    _line("  ", text, style="dim")


def tell_success(*, seconds: float) -> None:
    """End a step that went well."""
    data().print(f"   [green]{tick()}[/green] {seconds:.2f} s")


def tell_failure(reason: str) -> None:
    """End a step that did not."""
    data().print(f"   {cross()} {reason}", style="bold red", markup=False, soft_wrap=True)


def tell_summary(*, done: int, of: int, seconds: float) -> None:
    """End the story with one line."""
    style = "bold green" if done == of else "bold red"
    data().print(f"\n{done} of {of} steps went through in {seconds:.1f} s.", style=style)


def _short(answer: Mapping[str, Any]) -> str:
    shown = {name: answer[name] for name in SHOWN if answer.get(name) is not None}
    if isinstance(answer.get("data"), list):
        shown["data"] = [_shortened_row(row) for row in answer["data"]]
    return json.dumps(shown)


def _shortened_row(row: Mapping[str, Any]) -> dict[str, Any]:
    return {name: row[name] for name in SHOWN if row.get(name) is not None}


def _line(mark: str, text: str, *, style: str = "") -> None:
    shown = text if len(text) <= WIDTH_MAX else f"{text[: WIDTH_MAX - 1]}…"
    data().print(f"   {mark} {shown}", style=style, markup=False, soft_wrap=True)
