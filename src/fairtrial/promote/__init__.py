"""Verdict -> runtime configuration, with evidence and undo; the experiment log."""
