"""The Flask application: what happens to every request before and after its view."""

import re
import time
from typing import cast

import structlog
from flask import Response, current_app, g, request
from flask_openapi.models.info import Info
from flask_openapi.models.security_scheme import SecurityScheme
from flask_openapi.openapi import OpenAPI
from werkzeug.middleware.proxy_fix import ProxyFix

from app.authentication import recognise_caller
from app.docs import docs_blueprint
from app.edge import Services, access_of, require_idempotency_key, services
from app.health import HealthBoard
from app.openapi_document import access_by_route, finish_document
from app.problems import RouteNotFound, register_error_handlers, validation_response
from app.rate_limits import RateLimiter
from app.request_body import BillingRequest, check_body
from app.routes import (
    credit_notes,
    credit_purchases,
    customers,
    disputes,
    events,
    invoices,
    ledger,
    meters,
    operators,
    payments,
    plans,
    reconciliation,
    subscriptions,
    test_clocks,
    usage,
    webhook_endpoints,
    webhooks,
)
from app.routes import credits as credit_routes
from app.routes.health import health_blueprint
from app.schemas.base import Problem
from app.security_headers import API_HEADERS
from app.version import VERSION
from app.waiting import OperationWaiter
from billing.clock import utc_now
from billing.metrics import HTTP_REQUESTS, HTTP_SECONDS
from billing.runtime import Runtime
from billing.webhooks.intake import intake
from models.ids import new_id

_REQUEST_ID = re.compile(r"[A-Za-z0-9._\-]{1,128}")
_METHODS = frozenset({"GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"})
log = structlog.get_logger(__name__)


def create_app(runtime: Runtime) -> OpenAPI:
    """Return the application. It connects to nothing until the first request."""
    settings = runtime.settings
    app = OpenAPI(
        "app",
        info=Info(
            title="Billing service",
            version=VERSION,
            description="Payments with strong authentication, customers, plans and entitlements, credits, metered usage, "
            "refunds, disputes, a ledger, events and webhooks. Errors are RFC 9457 problems.",
        ),
        security_schemes={"bearer": SecurityScheme(type="http", scheme="bearer")},
        validation_error_model=Problem,
        validation_error_callback=validation_response,
        doc_ui=False,
        static_folder=None,
    )
    app.openapi_version = "3.1.0"
    app.request_class = BillingRequest
    app.json.sort_keys = False  # type: ignore[attr-defined]  # flask's default provider has it
    app.url_map.strict_slashes = False
    app.url_map.redirect_defaults = False
    app.url_map.merge_slashes = False
    if settings.BILLING_TRUSTED_PROXIES:
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=settings.BILLING_TRUSTED_PROXIES)  # type: ignore[method-assign]  # as Flask documents
    app.extensions["billing"] = Services(
        runtime=runtime,
        limiter=RateLimiter(settings),
        waiter=OperationWaiter(runtime=runtime, threads=settings.BILLING_WEB_THREADS),
        intake=intake(runtime),
    )
    app.before_request(_begin)
    app.before_request(_admit)
    app.after_request(_finish)
    register_error_handlers(app)
    for blueprint in (
        credit_routes.blueprint,
        credit_purchases.blueprint,
        usage.blueprint,
        meters.blueprint,
        customers.blueprint,
        plans.blueprint,
        payments.blueprint,
        subscriptions.blueprint,
        invoices.blueprint,
        credit_notes.blueprint,
        disputes.blueprint,
        webhooks.blueprint,
        webhook_endpoints.blueprint,
        events.blueprint,
        operators.blueprint,
        reconciliation.blueprint,
        ledger.blueprint,
        test_clocks.blueprint,
    ):
        app.register_api(blueprint)
    app.register_api(health_blueprint(HealthBoard(runtime)))
    access = access_by_route(app)
    app.register_blueprint(docs_blueprint(lambda: finish_document(app.api_doc, access=access)))
    return app


def _begin() -> None:
    """Give the request its id, its time, and its place in the log. A path that no row can be named by ends here."""
    asked = request.headers.get("X-Request-Id", "")
    g.request_id = asked if _REQUEST_ID.fullmatch(asked) else f"req_{new_id().hex}"
    g.now = utc_now()
    g.started = time.monotonic()
    structlog.contextvars.clear_contextvars()
    structlog.contextvars.bind_contextvars(request_id=g.request_id)
    if "\x00" in request.path:
        raise RouteNotFound("no path here holds a NUL character")


def _admit() -> None:
    """Recognise the caller, then look at the body: who may not call learns nothing of what the request should look like."""
    access = access_of(current_app.view_functions.get(request.endpoint or ""))
    if access is None or request.method == "OPTIONS":  # what methods there are is no secret; Flask answers it
        return
    g.access = access
    held = services()
    g.caller = recognise_caller(
        request, runtime=held.runtime, recent=held.recent_keys if access.takes_recent_keys else None, now=g.now
    )
    structlog.contextvars.bind_contextvars(caller=g.caller.name)
    g.caller.require(access.scope)
    require_idempotency_key(access)
    if request.method in {"POST", "PUT", "PATCH"}:
        check_body(cast("BillingRequest", request), form=access.body)


def _finish(response: Response) -> Response:
    """Add the headers that every answer has, and count it."""
    has = {name.lower() for name, _ in response.headers}
    added = {**API_HEADERS, **g.get("rate_limit_headers", {}), "X-Request-Id": g.request_id}
    response.headers.extend({name: value for name, value in added.items() if name.lower() not in has})
    seconds = time.monotonic() - g.started
    route = request.url_rule.rule if request.url_rule is not None else "unknown"
    # A caller may make methods up; each would be a time series of its own.
    method = request.method if request.method in _METHODS else "other"
    HTTP_REQUESTS.labels(method, route, response.status_code).inc()
    HTTP_SECONDS.labels(method, route).observe(seconds)
    log.info(
        "request.answered",
        method=request.method,
        route=route,
        status=response.status_code,
        milliseconds=round(seconds * 1000, 1),
    )
    return response
