"""Tax: which taxes an invoice carries."""
