"""Markets that are made up: order flow through a matching book, with an edge that is known."""
