"""Rule: how the public ids of dunning cases begin."""

CASE_PREFIX = "dun"
