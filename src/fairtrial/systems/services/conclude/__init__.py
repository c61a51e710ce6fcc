"""What the system adds to a report: plots, the bottleneck and its evidence."""
