"""Test clocks: time that a test installation moves by hand, and all that falls due on the way."""
