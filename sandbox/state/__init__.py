"""What the sandbox remembers: one SQLite file, one transaction per request."""
