"""What this system says of a run beside the ranking: the course of the leaders, sides, barriers, thresholds."""
