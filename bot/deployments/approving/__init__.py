"""What waits for somebody's yes, and those who are asked for it."""
