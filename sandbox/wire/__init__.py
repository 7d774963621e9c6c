"""The HTTP side: connections, form parameters, errors, pages of lists and expansion."""
