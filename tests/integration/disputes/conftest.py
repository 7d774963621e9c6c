"""What these stories borrow from the tests of the API's edge."""

from tests.integration.app.conftest import log_lines

__all__ = ["log_lines"]
