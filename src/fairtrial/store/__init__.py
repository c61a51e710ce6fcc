"""Events <-> book: the only place with SQL."""
