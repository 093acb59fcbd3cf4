"""Mutation testing: small changes of the bot's source, each of which a test must notice."""
