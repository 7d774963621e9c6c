"""Customers, and their counterpart at the gateway."""
