"""The Flask API: schema, one use case, schema. It validates, commits, hints and answers; workers do the rest."""
