"""Words in, words and exit codes out: one function per verb, in workflow order."""
