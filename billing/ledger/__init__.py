"""The ledger: what the facts mean in the books, how it is posted, and how it is read."""
