"""Clients that people have, as they are: each is started with a folder of its own, typed to, and read from its own log of all that it shows."""
