"""Pages of stored objects, newest first, by cursor."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from sandbox.json_types import Json
from sandbox.state.store import Transaction

_COMPARISONS = {"gt": ">", "gte": ">=", "lt": "<", "lte": "<="}


@dataclass(frozen=True, slots=True)
class Page:
    """Objects in the order of the answer, and whether more follow in the direction of travel."""

    items: list[Json]
    has_more: bool


@dataclass(frozen=True, slots=True)
class ListQuery:
    """What to list: exact values of facets, bounds of age, and where the page begins or ends."""

    kind: str
    limit: int
    facets: Mapping[str, str] = field(default_factory=dict)
    facet_choices: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    created: Mapping[str, int] = field(default_factory=dict)
    after_seq: int | None = None
    before_seq: int | None = None


def sequence_of(*, transaction: Transaction, kind: str, object_id: str) -> int | None:
    """Return the place of an object in the order of creation, or None when there is no such object."""
    row = transaction.sql.execute("SELECT seq FROM objects WHERE id = ? AND kind = ?", (object_id, kind)).fetchone()
    return None if row is None else int(row[0])


def read_page(*, transaction: Transaction, query: ListQuery) -> Page:
    """Return one page. Looks at one object more than asked for, to know whether there are more."""
    conditions = ["o.kind = ?", "json_extract(o.body, '$.deleted') IS NULL"]
    values: list[str | int] = [query.kind]
    for name, bound in query.created.items():
        conditions.append(f"o.created {_COMPARISONS[name]} ?")
        values.append(bound)
    for name, value in query.facets.items():
        _require_facet(conditions, values, kind=query.kind, name=name, choices=(value,))
    for name, choices in query.facet_choices.items():
        _require_facet(conditions, values, kind=query.kind, name=name, choices=choices)
    backwards = query.before_seq is not None
    if query.after_seq is not None:
        conditions.append("o.seq < ?")
        values.append(query.after_seq)
    if query.before_seq is not None:
        conditions.append("o.seq > ?")
        values.append(query.before_seq)
    rows = transaction.sql.execute(
        # Only names and operators from this module are put into the text; every value is bound.
        f"SELECT o.id, o.body FROM objects o WHERE {' AND '.join(conditions)} "  # noqa: S608 - see the line above
        f"ORDER BY o.seq {'ASC' if backwards else 'DESC'} LIMIT ?",
        (*values, query.limit + 1),
    ).fetchall()
    items = [transaction.adopt(object_id=row[0], text=row[1]) for row in rows[: query.limit]]
    if backwards:
        items.reverse()
    return Page(items=items, has_more=len(rows) > query.limit)


def _require_facet(
    conditions: list[str], values: list[str | int], *, kind: str, name: str, choices: tuple[str, ...]
) -> None:
    marks = ", ".join("?" * len(choices))
    conditions.append(
        f"o.seq IN (SELECT f.seq FROM facets f WHERE f.kind = ? AND f.field = ? AND f.value IN ({marks}))"  # noqa: S608 - marks only
    )
    values += [kind, name, *choices]
