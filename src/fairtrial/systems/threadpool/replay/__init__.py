"""A pool whose size a policy changes while it works."""
