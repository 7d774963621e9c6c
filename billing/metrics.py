"""The figures that this process counts. They add up across processes through PROMETHEUS_MULTIPROC_DIR (see app/metrics.py)."""

from prometheus_client import Counter, Gauge, Histogram

HTTP_REQUESTS = Counter("billing_http_requests_total", "HTTP requests answered", ["method", "route", "status"])
HTTP_SECONDS = Histogram("billing_http_request_seconds", "Time to answer an HTTP request", ["method", "route"])
TASKS = Counter("billing_tasks_total", "Celery tasks ended", ["task", "outcome"])
TASK_SECONDS = Histogram("billing_task_seconds", "Time that a Celery task ran", ["task"])
WORK = Counter("billing_work_total", "Rows of work finished, postponed, failed or dead", ["table", "kind", "outcome"])
HINTS = Counter("billing_hints_total", "Hints to the workers", ["hint", "outcome"])
GATEWAY_CALLS = Counter("billing_gateway_calls_total", "Calls to the payment gateway", ["call", "outcome"])
GATEWAY_SECONDS = Histogram("billing_gateway_call_seconds", "Time that the payment gateway took", ["call"])
ENDPOINTS_SWITCHED_OFF = Counter(
    "billing_webhook_endpoints_switched_off_total", "Webhook endpoints that the service switched off", ["reason"]
)
INVARIANT_VIOLATIONS = Gauge(
    "billing_invariant_violations",
    "How often an invariant was broken when it was last checked",
    ["invariant"],
    multiprocess_mode="mostrecent",
)
