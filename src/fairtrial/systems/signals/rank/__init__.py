"""Which configuration leads, after all that was tried; and what a runtime needs to run it."""
