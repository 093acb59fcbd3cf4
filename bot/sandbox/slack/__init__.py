"""A Slack workspace on loopback that speaks the real protocols, and is strict."""
