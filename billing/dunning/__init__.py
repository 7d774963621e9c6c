"""Dunning: what happens when an invoice is not paid."""
