"""The process tree of engine `local`: guardian, parent of trials, keepers, and their ends in the driver."""
