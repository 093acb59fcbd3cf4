"""`serve` as a process of its own, and what it uses."""

import asyncio
import contextlib
import os
import re
import resource
import signal
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

_PROJECT = Path(__file__).parents[2]
_START_TIMEOUT = 60.0
_PAGE = resource.getpagesize()


class BotEndedError(Exception):
    """The bot ended or didn't start; its last words are in the error."""


class Bot:
    """A bot that runs.

    Attributes:
        url: Where it listens.
        log: Its log file.
    """

    def __init__(self, process: asyncio.subprocess.Process, log: Path) -> None:
        self._process = process
        self.log = log
        self.url = ""

    async def wait_until_it_listens(self) -> None:
        """Return once it has logged where.

        Raises:
            BotEndedError: It doesn't.
        """
        async with asyncio.timeout(_START_TIMEOUT):
            while not self.url:
                if self._process.returncode is not None:
                    raise BotEndedError(self.log.read_text()[-2000:])
                found = re.search(r'"url": "(http://[^"]+)"', self.log.read_text())
                self.url = found[1] if found is not None else ""
                await asyncio.sleep(0.05)

    def memory(self) -> float:
        """Resident bytes."""
        return float(int(self._read("statm").split()[1]) * _PAGE)

    def descriptors(self) -> float:
        """How many are open."""
        return float(sum(1 for _ in (self._proc / "fd").iterdir()))

    def written(self) -> float:
        """Bytes that it has written to files, its log included."""
        return float(re.findall(r"^wchar: (\d+)", self._read("io"), re.MULTILINE)[0])

    async def end(self) -> None:
        """Stop it, the way an operator does."""
        if self._process.returncode is None:
            self._process.send_signal(signal.SIGTERM)
        await self._process.wait()

    @property
    def _proc(self) -> Path:
        return Path("/proc") / str(self._process.pid)

    def _read(self, name: str) -> str:
        try:
            return (self._proc / name).read_text()
        except OSError:
            raise BotEndedError(self.log.read_text()[-2000:]) from None


@asynccontextmanager
async def serving(settings: Mapping[str, str], folder: Path) -> AsyncIterator[Bot]:
    """Run `serve` until the block ends.

    Args:
        settings: Its environment, beside the few variables that any process needs.
        folder: Where it runs and logs.
    """
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "TMPDIR") if name in os.environ}
    log = folder / "bot.log"
    with log.open("wb") as written:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "bot", "serve"),
            env={**kept, "PYTHONPATH": str(_PROJECT), **settings},
            stdout=written,
            stderr=written,
            cwd=folder,
        )
    bot = Bot(process, log)
    try:
        await bot.wait_until_it_listens()
        yield bot
    finally:
        with contextlib.suppress(ProcessLookupError):
            await bot.end()
