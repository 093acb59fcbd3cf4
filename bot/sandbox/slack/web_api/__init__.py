"""Slack's Web API: one module per family of methods, all in METHODS by name."""

from bot.sandbox.slack.web_api import apps, chat, conversations, streams, users, views
from bot.sandbox.slack.web_api.call import Method

METHODS: dict[str, Method] = {
    method.name: method
    for family in (apps, chat, conversations, streams, users, views)
    for method in family.METHODS
}
