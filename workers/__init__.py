"""The Celery application: queues, routing, the beat schedule, and what happens when a worker starts, forks and stops."""
