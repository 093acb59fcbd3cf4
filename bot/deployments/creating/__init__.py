"""From a wish to its endpoint: created at most once, found, or chosen by a person."""
