"""Outgoing webhooks: endpoints, who is owed which event, and the guarded way out."""
