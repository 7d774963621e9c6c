"""The business: rules (pure), use cases (one transaction, no network), processes (transactions around network calls)."""
