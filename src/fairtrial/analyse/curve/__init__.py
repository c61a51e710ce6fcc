"""A metric along an ordered factor: levels, loads, sizes."""
