"""What endpoints do, told once: polls, what they compare with, and what takes suspiciously long."""
