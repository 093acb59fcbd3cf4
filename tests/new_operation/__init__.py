"""An operation that Friendli doesn't have, `pause`, with a status PAUSED, added to a copy."""
