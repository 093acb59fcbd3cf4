"""What an operator runs: the commands beside `serve`, and example files."""
