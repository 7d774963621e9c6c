"""Imports: customers and subscriptions that another system has billed up to now, from CSV files (ADR 0024)."""
