"""Sections of the report, from results alone."""
