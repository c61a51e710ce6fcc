"""What is watched beside the load: processes, counters, the host."""
