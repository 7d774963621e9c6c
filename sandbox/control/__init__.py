"""Routes under /_sandbox that steer the sandbox."""
