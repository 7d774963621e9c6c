"""Rule: how the public ids of subscriptions begin."""

SUBSCRIPTION_PREFIX = "sub"
ITEM_PREFIX = "si"
