"""A small shop to watch and to break."""
