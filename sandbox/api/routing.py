"""Routes: an address, the parameters it takes, and the function that answers."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from sandbox.json_types import Json
from sandbox.wire.parameters import EXPAND, Fields, Rule
from sandbox.work import Work


@dataclass(frozen=True, slots=True)
class Call:
    """One checked request to one route."""

    work: Work
    params: Json
    ids: Mapping[str, str]
    is_publishable: bool = False

    def changes(self, *names: str) -> Json:
        """Return those of the named parameters that were sent."""
        return {name: self.params[name] for name in names if name in self.params}


Handler = Callable[[Call], Json]


@dataclass(frozen=True, slots=True)
class Route:
    """One address of the API. `{name}` stands for an identifier; `publishable` routes also serve browsers."""

    method: str
    path: str
    handler: Handler
    params: Mapping[str, Rule] = field(default_factory=dict)
    required: tuple[str, ...] = ()
    publishable: bool = False

    def fields(self) -> Fields:
        """Return the rule for the request's parameters as a whole."""
        return Fields({"expand": EXPAND, **self.params}, required=self.required)


class RouteTable:
    """Finds the route at an address; where two fit, the one that was given first."""

    def __init__(self, routes: Iterable[Route]) -> None:
        self._routes: defaultdict[tuple[str, int], list[tuple[tuple[str, ...], Route, Fields]]] = defaultdict(list)
        for route in routes:
            names = tuple(route.path.strip("/").split("/"))
            self._routes[route.method, len(names)].append((names, route, route.fields()))

    def find(self, *, method: str, path: str) -> tuple[Route, Fields, dict[str, str]] | None:
        """Return the route, the rule for its parameters and the identifiers in the address, or None."""
        given = path.strip("/").split("/")
        for names, route, fields in self._routes.get((method, len(given)), ()):
            pairs = list(zip(names, given, strict=True))
            if all(name == part or name[0] == "{" for name, part in pairs):
                return route, fields, {name[1:-1]: part for name, part in pairs if name[0] == "{"}
        return None
