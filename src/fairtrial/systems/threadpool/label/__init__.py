"""From measured sizes to labels: the best set, regret, and whether sizes differ at all."""
