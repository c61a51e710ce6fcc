"""From the replayed book to the grid: what happened at each cell around the spot, bin by bin."""
