"""Holding an answer against what the OpenAPI document says of it."""

from typing import Any

from jsonschema import Draft202012Validator  # type: ignore[import-untyped]  # it ships no types

from tests.service.world import World


def require_documented(
    world: World, document: dict[str, Any], method: str, path: str, answer: Any
) -> tuple[str, str, int]:
    """Assert that the answer's status, media type and body are those that the document promises; return which it was."""
    rule = template_of(world, method, path)
    promised = document["paths"][rule][method.lower()]["responses"]
    status = str(answer.status_code)
    assert status in promised, f"{method} {rule} does not document {status}: {answer.text}"
    content = promised[status].get("content", {})
    if content:
        assert answer.mimetype in content, (
            f"{method} {rule} {status} is {answer.mimetype}, documented is {list(content)}"
        )
        schema = {**content[answer.mimetype]["schema"], "components": document["components"]}
        faults = [
            f"{fault.json_path}: {fault.message}" for fault in Draft202012Validator(schema).iter_errors(answer.json)
        ]
        assert faults == [], f"{method} {rule} {status}: {faults}"
    return method, rule, answer.status_code


def template_of(world: World, method: str, path: str) -> str:
    """Return a path as the document writes it: /payments/{payment_id}."""
    rule, _ = world.app.url_map.bind("localhost").match(path.partition("?")[0], method=method, return_rule=True)
    return as_template(rule.rule)


def as_template(rule: str) -> str:
    return rule.replace("<", "{").replace(">", "}")
