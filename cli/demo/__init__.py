"""The demo story: what the service does, told against a running stack, step by step."""
