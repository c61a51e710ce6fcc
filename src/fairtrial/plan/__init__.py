"""Study -> plan: designs, order, seeds, identity. Pure: the same study gives the same plan."""
