"""A small learned model that chooses the size: how it is fitted, kept, and asked."""
