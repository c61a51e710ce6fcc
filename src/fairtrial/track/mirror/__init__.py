"""The mirror: a run of the book as runs of MLflow, each trial there exactly once."""
