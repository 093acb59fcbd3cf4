"""Versions of an endpoint: what is known of them, what an update changes, and how it is sent."""
