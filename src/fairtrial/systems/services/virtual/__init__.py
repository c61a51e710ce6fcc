"""Services in virtual time: queues whose truth is known."""
