"""How payments behave: authentication, charging, capture, refunds, disputes and settlement."""
