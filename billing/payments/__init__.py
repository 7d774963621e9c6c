"""Payments: one wish to be paid, its attempts at the gateway, and refunds."""
