"""Whether the process lives, whether the service takes requests, and how all of it is."""

from flask import Response
from flask_openapi.blueprint import APIBlueprint
from flask_openapi.types import ResponseDict

from app.edge import json_response, services
from app.health import HealthBoard
from app.metrics import CONTENT_TYPE, render_metrics
from app.routes.documentation import problems
from app.schemas import operators as schemas

_MAY_BE_AWAY: ResponseDict = {status: problems()[status] for status in (405, 500, 503)}


def health_blueprint(board: HealthBoard) -> APIBlueprint:
    """Return the public routes; `board` caches what they look at."""
    blueprint = APIBlueprint("health", __name__, abp_tags=[{"name": "Health"}])

    @blueprint.get("/health", summary="How the service is", responses={200: schemas.Health, **_MAY_BE_AWAY})
    def health() -> Response:
        """Never fails because one part is down: `status` is then `degraded`, and `checks` names the part."""
        return json_response(board.report())

    @blueprint.get("/health/live", summary="The process answers", responses={200: schemas.Live, **_MAY_BE_AWAY})
    def live() -> Response:
        """Asks nothing of any other part."""
        return json_response({"status": "ok"})

    @blueprint.get(
        "/health/ready", summary="The service takes requests", responses={200: schemas.Ready, **_MAY_BE_AWAY}
    )
    def ready() -> Response:
        """200 while Postgres answers and has our tables; the API accepts work even while the broker is away."""
        board.require_ready()
        return json_response({"status": "ready"})

    @blueprint.get("/metrics", summary="Figures for Prometheus", responses={200: None, **_MAY_BE_AWAY})
    def metrics() -> Response:
        """Counted over all processes that share PROMETHEUS_MULTIPROC_DIR; the rows are counted in Postgres."""
        return Response(render_metrics(services().runtime), content_type=CONTENT_TYPE)

    return blueprint
