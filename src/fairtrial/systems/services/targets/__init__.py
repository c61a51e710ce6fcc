"""What can be measured: an adapter for each kind of server."""
