"""How subscriptions behave: their periods, their invoices, and what becomes of them."""
