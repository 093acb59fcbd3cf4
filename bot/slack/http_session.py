"""HTTP sessions for Slack's Web API, whose answers may be long but not without end."""

import aiohttp

from bot.domain.process.bounded_body import LargeBodies, TooLargeError

# A thousand channels, or two hundred messages with their blocks, are a part of this.
MAX_BODY_BYTES = 4_000_000
_bodies = LargeBodies()


class BoundedResponse(aiohttp.ClientResponse):
    """A response whose body is read up to a limit; slack_sdk reads it as a whole."""

    async def read(self) -> bytes:
        """Read the body.

        Raises:
            aiohttp.ClientPayloadError: It is too long, or broke off.
        """
        if self._body is None:
            try:
                async with _bodies.reading() as reader:
                    self._body = await reader.read(self.content.iter_any(), MAX_BODY_BYTES)
            except BaseException as error:
                self.close()
                if isinstance(error, TooLargeError):
                    raise aiohttp.ClientPayloadError("too many bytes") from None
                raise
        return self._body
