"""The only migration; what it holds does not matter, only that it is there."""
