"""A small tea shop to watch and to break: real pages, a real database, a payment stand-in and switches."""
