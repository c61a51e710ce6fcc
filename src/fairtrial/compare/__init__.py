"""Two runs -> a verdict."""
