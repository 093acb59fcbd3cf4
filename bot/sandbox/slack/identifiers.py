"""Identifiers in Slack's formats: users, channels, messages, views, triggers, blocks."""

import secrets
from collections import Counter
from datetime import datetime


class Identifiers:
    """Creates identifiers; those of users, channels and views count up, so that runs compare.

    Timestamps and triggers are unique within one workspace.
    """

    def __init__(self) -> None:
        self._minted: Counter[str] = Counter()
        self._last_ts = 0

    def mint(self, prefix: str) -> str:
        self._minted[prefix] += 1
        return f"{prefix}{self._minted[prefix]:09d}"

    def block(self) -> str:
        self._minted["block"] += 1
        return f"{self._minted['block']:05x}"

    def timestamp(self, moment: datetime) -> str:
        """A message's ts: seconds and microseconds, later than all before."""
        self._last_ts = max(round(moment.timestamp() * 1_000_000), self._last_ts + 1)
        return f"{self._last_ts // 1_000_000}.{self._last_ts % 1_000_000:06d}"

    def trigger(self, moment: datetime) -> str:
        """A trigger_id; see "Preparing to respond to interactions" in Slack's docs."""
        self._minted["trigger"] += 1
        number = round(moment.timestamp() * 1000)
        return f"{number}.{self._minted['trigger']}.{secrets.token_hex(16)}"

    def view_hash(self, moment: datetime) -> str:
        return f"{int(moment.timestamp())}.{secrets.token_hex(4)}"
