"""What people read: pure functions from values to Slack blocks and text."""
