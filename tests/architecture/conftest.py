"""Settings for tests that start nothing: complete, and of no real service."""

import base64

import pytest

from billing.settings import Settings


@pytest.fixture
def settings() -> Settings:
    return Settings.model_validate(
        {
            "BILLING_ENV": "test",
            "DATABASE_URL": "postgresql://nobody@127.0.0.1:9/none",
            "REDIS_URL": "redis://127.0.0.1:9/1",
            "CELERY_BROKER_URL": "redis://127.0.0.1:9/0",
            "REDIS_CREDITS_URL": "redis://127.0.0.1:9/2",
            "STRIPE_SECRET_KEY": "sk_test_nobody",
            "STRIPE_PUBLISHABLE_KEY": "pk_test_nobody",
            "STRIPE_WEBHOOK_SECRET": "whsec_" + "n" * 40,
            "STRIPE_API_BASE": "http://127.0.0.1:9",
            "ENCRYPTION_KEY": base64.b64encode(bytes(32)).decode(),
            "API_KEY_PEPPER": "n" * 40,
        }
    )
