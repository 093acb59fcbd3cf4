"""Crash tests: real bots over the sandboxes, with a fault at every step."""
