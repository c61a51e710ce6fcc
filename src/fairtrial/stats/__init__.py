"""Numbers in, numbers out: intervals, tests, fits."""
