"""Findings -> Markdown, HTML and plots; computes nothing."""
