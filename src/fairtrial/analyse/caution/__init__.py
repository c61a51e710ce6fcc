"""Reasons to doubt what a run seems to say."""
