"""The world under test: ``terrella up`` as a process of its own, as a user starts it."""

import asyncio
import signal
import sys
from pathlib import Path
from typing import Any

from terrella.gameday.operator import Operator
from terrella.kernel import Clock, TerrellaError

_READY_TIMEOUT_S = 90.0
_STOP_TIMEOUT_S = 20.0
_POLL_S = 0.05


def _last_words(said: str) -> str:
    """Why ``terrella up`` ended."""
    reason = said.strip().rpartition("terrella: ")[2] or "terrella up ended without a word"
    hint = (
        "; stop the other world first, or play beside it: terrella demo --base 127.50"
        if " in use by " in reason
        else ""
    )
    return f"the demo's world did not start: {reason.partition('; world.yaml can change')[0]}{hint}"


class WorldProcess:
    """``async with`` starts the world of ``directory`` and stops it; ``started_s`` is how long it took to serve."""

    def __init__(self, directory: Path, host: str, port: int, clock: Clock) -> None:
        self._directory = directory
        self._operator = Operator(host, port, {})
        self._clock = clock
        self._process: asyncio.subprocess.Process | None = None
        self.started_s = 0.0
        self.status: dict[str, Any] = {}

    async def __aenter__(self) -> "WorldProcess":
        started_s = self._clock.monotonic()
        log = self._directory / "up.log"
        with log.open("wb") as output:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "terrella",
                "up",
                str(self._directory / "world.yaml"),
                stdout=output,
                stderr=output,
                stdin=asyncio.subprocess.DEVNULL,
                start_new_session=True,
            )
        try:
            while not await self._serving():
                if self._process.returncode is not None:
                    raise TerrellaError(_last_words(log.read_text()))
                if self._clock.monotonic() - started_s > _READY_TIMEOUT_S:
                    raise TerrellaError(f"the world did not come up within {_READY_TIMEOUT_S:.0f} s; see {log}")
                await asyncio.sleep(_POLL_S)
        except BaseException:
            await self._stop()
            raise
        self.started_s = self._clock.monotonic() - started_s
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stop()

    async def _serving(self) -> bool:
        try:
            self.status = await self._operator.status()
        except (OSError, TimeoutError, TerrellaError):
            return False
        if self.status.get("path") != str(self._directory.resolve() / "world.yaml"):
            return False  # another world has these addresses: ours will end and say so; never play with another's
        regions = self.status.get("regions", [])
        return bool(regions) and all(region["state"] == "serving" for region in regions)

    async def _stop(self) -> None:
        """As Ctrl-C does; SIGKILL if that is not enough, which is then an error."""
        assert self._process is not None
        if self._process.returncode is not None:
            return
        self._process.send_signal(signal.SIGINT)
        try:
            async with asyncio.timeout(_STOP_TIMEOUT_S):
                await self._process.wait()
        except TimeoutError:
            self._process.kill()
            await self._process.wait()
            raise TerrellaError(f"the world did not stop within {_STOP_TIMEOUT_S:.0f} s and was killed") from None
