"""Celery tasks: each translates a message into one call of the business. A message is a hint; the work is a row."""
