"""Credits: balances in Redis, each operation one atomic script; the journal that the scripts write is drained into Postgres."""
