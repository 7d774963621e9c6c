"""Subscriptions that live at Stripe, as they are mirrored here, and their way into our own engine."""
