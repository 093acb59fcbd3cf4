"""Friendli's Dedicated Endpoints API: client, schemas and what is known about it."""
