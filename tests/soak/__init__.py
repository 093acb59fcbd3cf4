"""A soak: a bot that does the same work for minutes, and whether anything of it grows."""
