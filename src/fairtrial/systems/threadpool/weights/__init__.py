"""Which weights measured labels speak for: the terms of an oracle's cost, fitted to preferences between sizes."""
