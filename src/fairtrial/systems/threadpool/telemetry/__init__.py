"""What a controller sees of a pool: ten numbers a window."""
