"""Formulas: what they say of a pool, and which size they choose."""
