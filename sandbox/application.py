"""The sandbox as one application: sends each request to the API, the control routes or the pages."""

import logging

from sandbox.api.application import Api
from sandbox.api.authentication import Keys
from sandbox.control.faults import Faults
from sandbox.control.routes import Control
from sandbox.pages.challenge import answer_challenge
from sandbox.pages.overview import show_overview
from sandbox.pages.receipt import show_receipt
from sandbox.pages.rendering import page, stylesheet
from sandbox.wire.errors import ApiError, unknown_route
from sandbox.wire.messages import Request, Response, json_response
from sandbox.workbench import Workbench

_logger = logging.getLogger(__name__)


class Application:
    """Answers every request that reaches the sandbox."""

    def __init__(self, *, workbench: Workbench, keys: Keys) -> None:
        faults = Faults()
        self._workbench = workbench
        self._api = Api(workbench=workbench, keys=keys, faults=faults)
        self._control = Control(workbench=workbench, faults=faults)

    async def answer(self, request: Request) -> Response:
        """Return the answer. A mistake of the sandbox itself is logged and becomes a 500, as Stripe words it."""
        try:
            return await self._answer(request)
        except Exception:
            _logger.exception("%s %s failed", request.method, request.path)
            error = ApiError(
                status=500, error_type="api_error", message="An unknown error occurred; the sandbox's log has more."
            )
            return json_response(status=error.status, value=error.body())

    async def _answer(self, request: Request) -> Response:
        path = request.path
        if path.startswith("/_sandbox/"):
            return self._control.answer(request)
        if path.startswith("/3ds/"):
            return answer_challenge(request=request, workbench=self._workbench)
        if path.startswith("/receipts/"):
            return show_receipt(request=request, workbench=self._workbench)
        if path == "/sandbox.css":
            return stylesheet()
        if path == "/":
            if not request.is_from_this_machine:
                return page(
                    template="missing.html", http_status=403, reason="This page is for the sandbox's own machine."
                )
            return show_overview(workbench=self._workbench)
        if path.startswith("/v1/"):
            return await self._api.answer(request)
        return json_response(status=404, value=unknown_route(method=request.method, path=path).body())
