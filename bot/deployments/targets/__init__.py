"""Where channels deploy to: connecting, policy, and who may do what."""
