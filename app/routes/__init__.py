"""The routes: each view turns a validated request into one call of the business, and its result into an answer."""
