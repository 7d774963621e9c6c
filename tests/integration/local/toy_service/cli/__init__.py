"""The toy service's own command."""
