"""Data sets on disk: immutable, and verified whenever they are loaded."""
