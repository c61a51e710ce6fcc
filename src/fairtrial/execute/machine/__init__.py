"""What the machine has, permits and shares: CPUs, memory, limits, processes, other drivers."""
