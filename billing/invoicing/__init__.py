"""Invoicing: what is owed, from its lines to its number, its place in the books and its payment."""
