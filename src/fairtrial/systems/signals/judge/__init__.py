"""How signals become trades, and trades numbers: firing, barriers, costs, folds, random entries, metrics."""
