"""A stateful Stripe for local runs and tests, spoken to through the real Stripe SDK."""
