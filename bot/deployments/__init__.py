"""Deployments from the click to the end of the endpoint: states, workers, service."""
