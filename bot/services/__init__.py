"""One transaction per action: what commands and workers write to the database."""
