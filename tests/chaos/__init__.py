"""Real bots on the sandboxes, killed, stalled and cut off at every step, and what they left."""
