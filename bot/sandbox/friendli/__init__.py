"""A Friendli API on loopback that follows the published specs."""
