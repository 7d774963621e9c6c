"""Stripe's objects, each with its complete set of fields."""
