"""The claim loop and the workers that run on it."""
