"""Figures of what speed the bot has, each beside a rival's on the same work."""
