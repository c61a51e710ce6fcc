"""Signals that learn from the bins before: trained again and again on a trailing window, each on what was known then.

A row is a bin's features with the side on which the mid first left a band around the bin's mid. At bin t a model learns
from the rows whose side was known by then, and answers from bin t + 1 on.
"""
