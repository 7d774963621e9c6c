"""The one-command local stack: embedded Postgres and Valkey, the Stripe sandbox and a process supervisor."""
