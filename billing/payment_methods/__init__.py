"""Payment methods of a customer: tokens of the gateway, never card numbers."""
