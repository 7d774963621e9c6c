"""Usage: meters, the events that products report, what they add up to, and the credits that they cost."""
