"""A world under test: ``terrella up`` as a process of its own, as a user starts it."""

import asyncio
import signal
import sys
from typing import Any

from terrella.gameday.operator import Operator
from terrella.kernel import Clock, TerrellaError
from terrella.world import World

_READY_TIMEOUT_S = 120.0
_STOP_TIMEOUT_S = 30.0
_POLL_S = 0.05


class WorldProcess:
    """``async with`` starts ``world`` and stops it; ``started_s`` is how long it took to serve, ``status`` as it was.

    It ends with this process however that ends: it is told to by the end of its standard input. ``arguments`` are more
    ones of ``terrella up``. ``whose`` is how errors call it; ``in_use`` is told besides where its addresses are taken.
    """

    def __init__(
        self, world: World, clock: Clock, *arguments: str, whose: str = "the game day's", in_use: str = ""
    ) -> None:
        self._world = world
        self._clock = clock
        self._arguments = arguments
        self._whose = whose
        self._in_use = in_use
        self._log = world.path.parent / "up.log"
        self._operator = Operator(world.front_door, world.ports.aws, {})
        self._process: asyncio.subprocess.Process | None = None
        self.started_s = 0.0
        self.status: dict[str, Any] = {}

    async def __aenter__(self) -> "WorldProcess":
        started_s = self._clock.monotonic()
        with self._log.open("wb") as output:
            self._process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "terrella", "up", str(self._world.path), "--until-input-ends"),
                *self._arguments,
                stdout=output,
                stderr=output,
                stdin=asyncio.subprocess.PIPE,
                start_new_session=True,
            )
        try:
            await self._until_serving(self._process, started_s)
        except BaseException:
            await self._stop()
            raise
        self.started_s = self._clock.monotonic() - started_s
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stop()

    async def _until_serving(self, process: asyncio.subprocess.Process, started_s: float) -> None:
        while not await self._serving():
            if process.returncode is not None:
                raise TerrellaError(f"{self._whose} world did not start: {self._last_words()}")
            if self._clock.monotonic() - started_s > _READY_TIMEOUT_S:
                told = f"{self._whose} world did not come up within {_READY_TIMEOUT_S:.0f} s"
                raise TerrellaError(f"{told}; see {self._log}")
            await asyncio.sleep(_POLL_S)

    async def _serving(self) -> bool:
        try:
            self.status = await self._operator.status()
        except (OSError, TimeoutError, TerrellaError):
            return False
        if self.status.get("path") != str(self._world.path):
            return False  # another world has these addresses: ours will say so and end; never play with another's
        return bool(self.status.get("ready")) and all(one["state"] == "serving" for one in self.status["regions"])

    def _last_words(self) -> str:
        """Why ``terrella up`` ended."""
        said = self._log.read_text(errors="replace").strip().rpartition("terrella: ")[2]
        if self._in_use and " in use by " in said:
            return f"{said.partition('; world.yaml can change')[0]}; {self._in_use}"
        return said or "terrella up ended without a word"

    async def _stop(self) -> None:
        """As Ctrl-C does; SIGKILL if that is not enough, which is then an error."""
        process = self._process
        assert process is not None
        if process.returncode is not None:
            return
        process.send_signal(signal.SIGINT)
        try:
            async with asyncio.timeout(_STOP_TIMEOUT_S):
                await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()
            why = f"{self._whose} world did not stop within {_STOP_TIMEOUT_S:.0f} s and was killed"
            raise TerrellaError(why) from None
