"""Which condition is the best."""
