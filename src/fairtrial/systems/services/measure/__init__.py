"""From raw requests to metrics: steady state, percentiles, validity."""
