"""The only place that calls Slack: listeners, clients, sender, manifest."""
