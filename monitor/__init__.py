"""Monitor runs everything, and decides nothing: the only place where objects are built and wired."""
