"""Friendli Deploy: a Slack bot that deploys models to Friendli Dedicated Endpoints."""
