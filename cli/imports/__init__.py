"""`billing import`: customers and subscriptions from CSV files."""
