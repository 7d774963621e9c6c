"""The page of error codes, from the classes that carry them."""

from app import factory
from app.error_catalogue import error_catalogue
from cli.reference.page import GENERATED, cell

# Loading the application loads every class of error; the catalogue lists those that are loaded.
_LOADED_FROM = factory.__name__


def errors_page() -> str:
    """Return the reference page of all codes that an error body may carry."""
    rows = "".join(
        f'| <a id="{entry.code}"></a>`{entry.code}` | {entry.status} | {cell(entry.meaning)} |\n'
        for entry in error_catalogue()
    )
    return (
        f"# Error codes\n\n{GENERATED}\n\n"
        "Every failure is a problem (RFC 9457, `application/problem+json`) with `type, title, status, detail, code, instance, "
        "request_id`, and for 422 `errors`: a list of `pointer` (JSON pointer), `code` and `detail`. A `code` keeps its "
        "meaning; `detail` is for people and may change. 429 and 503 carry `Retry-After`.\n\n"
        f"| code | status | meaning |\n|---|---|---|\n{rows}"
    )
