"""Signals that are formulas of the grid."""
