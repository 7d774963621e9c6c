"""Webhooks in: verified on the raw body, stored once, answered, then handled by a worker."""
