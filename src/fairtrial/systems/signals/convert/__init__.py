"""Configurations of the older harness, as studies."""
