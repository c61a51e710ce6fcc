"""A signal at work, bin by bin: whether it keeps up, whether it says what it said at once, and what there is."""
