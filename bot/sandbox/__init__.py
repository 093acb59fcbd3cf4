"""A Slack workspace and a Friendli API on loopback, for the demo and the tests."""
