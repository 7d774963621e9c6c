"""Entitlements: what a customer may use of its plan's features, how much of it is used, and using more."""
