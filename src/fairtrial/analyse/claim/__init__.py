"""What a study expects, judged."""
