"""How the story looks: each step with its request, its answer, the webhook that came back, and its time."""

import json
from collections.abc import Mapping
from typing import Any

from cli.demo.exchange import Exchange
from cli.output import cross, data, tick

# What a reader wants to see of an answer, in this order; the rest is in the docs.
SHOWN = (
    *("id", "email", "status", "code", "brand", "last4", "amount", "amount_refunded", "price", "currency", "credited"),
    *("number", "total_amount", "amount_credited", "open_amount", "balance_amount", "refund_amount"),
    *("balance", "held", "captured", "returned", "decline", "next_action", "title", "detail"),
)
# Of these objects only what the story is about.
SHOWN_WITHIN = {"decline": ("code", "category"), "next_action": ("type",)}


def tell_title(*, number: int, title: str) -> None:
    """Begin a step."""
    data().print(f"\n{number}. {title}", style="bold", markup=False)


def tell_exchange(exchange: Exchange) -> None:
    """Show a request and its answer; where the answer only sends the browser on, show where to."""
    sent = "" if exchange.body is None else f" {json.dumps(exchange.body)}"
    _line("->", f"{exchange.method} {exchange.url}{sent}")
    shown = f"to {exchange.answer['location']}" if "location" in exchange.answer else _short(exchange.answer)
    _line("<-", f"{exchange.status} {shown}")


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
    if isinstance(answer.get("data"), list):
        return json.dumps({"data": [_selected(row) for row in answer["data"]]})
    return json.dumps(_selected(answer))


def _selected(resource: Mapping[str, Any]) -> dict[str, Any]:
    selected = {name: resource[name] for name in SHOWN if resource.get(name) is not None}
    for name, inner in SHOWN_WITHIN.items():
        if isinstance(selected.get(name), dict):
            selected[name] = {key: selected[name].get(key) for key in inner}
    return selected


def _line(mark: str, text: str, *, style: str = "") -> None:
    data().print(f"   {mark} {text}", style=style, markup=False, soft_wrap=True)
