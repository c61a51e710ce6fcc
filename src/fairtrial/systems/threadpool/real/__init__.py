"""The pool on this machine: native threads, calibrated work."""
