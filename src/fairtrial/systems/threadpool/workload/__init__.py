"""What arrives: when, and how much CPU time and blocking each task takes."""
