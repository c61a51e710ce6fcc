"""The nouns: frozen records that every stage exchanges. Standard library only; no I/O, no clocks, no randomness."""
