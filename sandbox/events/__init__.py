"""Events and their signed delivery to webhook endpoints."""
