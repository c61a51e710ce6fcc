"""Stores of keys and of objects: Redis and MinIO."""
