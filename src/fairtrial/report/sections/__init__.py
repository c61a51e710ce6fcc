"""Findings as sections of a report, a file for each kind."""
