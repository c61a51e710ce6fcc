"""What factors do to a metric."""
