"""The prefixes of the public ids of credits."""

TRANSACTION_PREFIX = "ctx"
GRANT_PREFIX = "grant"
HOLD_PREFIX = "hold"
TRANSFER_PREFIX = "ctr"
PURCHASE_PREFIX = "cpur"
