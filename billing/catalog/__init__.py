"""The catalog: the plans that are offered, what they cost and what they hold."""
