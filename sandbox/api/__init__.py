"""Stripe's routes under /v1."""
