"""What runs in the process of a trial, or loads what does; lean, since the parent of trials loads it too."""
