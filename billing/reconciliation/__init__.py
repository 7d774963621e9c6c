"""Reconciliation: our rows compared with the gateway's objects, and what to do about each difference."""
