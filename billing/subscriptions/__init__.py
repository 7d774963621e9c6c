"""Subscriptions: who pays what, for which period, and what changes in between."""
