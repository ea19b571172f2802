"""A world of a game day's own: the application as it stands, in a fresh state directory, at addresses that are free."""

import asyncio
import os
import shutil
import signal
import socket
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import yaml

from terrella.gameday.operator import Operator
from terrella.kernel import Clock, Profile, TerrellaError
from terrella.world import World, load_world

_READY_TIMEOUT_S = 120.0
_STOP_TIMEOUT_S = 30.0
_POLL_S = 0.05
_SECONDS_OF_BASES = range(51, 250)


def free_base() -> str:
    """Loopback addresses that nobody uses now: ``127.63``. Raises ``TerrellaError`` if there are none."""
    numbers = list(_SECONDS_OF_BASES)
    start = os.getpid() % len(numbers)
    for number in numbers[start:] + numbers[:start]:
        base = f"127.{number}"
        with socket.socket() as door, socket.socket() as region, suppress(OSError):
            door.bind((f"{base}.0.1", 4566))
            region.bind((f"{base}.1.1", 4566))
            return base
    raise TerrellaError("found no loopback addresses that are free for a game day's world, expected 127.51 to 127.249")


def write_world(world: World, directory: Path, base: str) -> Path:
    """Write a ``world.yaml`` like that of ``world``, with its own state and addresses; answers its path.

    The template stays where it is. Addresses and keys of hosts are left out: a rehearsal here plays on this machine.
    """
    root = yaml.compose(world.path.read_text(encoding="utf-8"), Loader=yaml.SafeLoader)
    assert isinstance(root, yaml.MappingNode)
    kept = [(key, value) for key, value in root.value if key.value not in ("addresses", "security", "template", "name")]
    for key, value in kept:
        if key.value == "regions" and isinstance(value, yaml.MappingNode):
            for _, settings in value.value:
                if isinstance(settings, yaml.MappingNode):
                    settings.value = [pair for pair in settings.value if pair[0].value != "address"]
    ports = world.ports
    said = {
        "name": world.name,
        "template": str(world.template),
        "addresses": {
            "base": base,
            "ports": {
                "aws": ports.aws,
                "application": ports.application,
                "dns": ports.dns,
                "replication": ports.replication,
            },
        },
    }
    ours = yaml.compose(yaml.safe_dump(said), Loader=yaml.SafeLoader)
    assert isinstance(ours, yaml.MappingNode)
    root.value = [*ours.value, *kept]
    path = directory / "world.yaml"
    directory.mkdir(parents=True, exist_ok=True)
    path.write_text(yaml.serialize(root, Dumper=yaml.SafeDumper), encoding="utf-8")
    cache = world.state_directory / "cache"
    if cache.is_dir():  # translating the template again would cost a second
        shutil.copytree(cache, directory / ".terrella" / "cache", dirs_exist_ok=True)
    return path


class OwnWorld:
    """``async with`` starts it and stops it; ``started_s`` is how long it took to serve.

    It ends with this process however that ends: it is told to by the end of its standard input.
    """

    def __init__(self, world: World, profile: Profile, directory: Path, clock: Clock) -> None:
        self._like = world
        self._profile = profile
        self._directory = directory
        self._clock = clock
        self._process: asyncio.subprocess.Process | None = None
        self.started_s = 0.0
        self.world: World = world

    async def __aenter__(self) -> "OwnWorld":
        started_s = self._clock.monotonic()
        path = write_world(self._like, self._directory, free_base())
        self.world = load_world(path)
        log = self._directory / "up.log"
        with log.open("wb") as output:
            self._process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "terrella", "up", str(path)),
                *("--profile", self._profile.name, "--until-input-ends"),
                stdout=output,
                stderr=output,
                stdin=asyncio.subprocess.PIPE,
                start_new_session=True,
            )
        try:
            await self._until_serving(started_s, log)
        except BaseException:
            await self._stop()
            raise
        self.started_s = self._clock.monotonic() - started_s
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stop()

    async def _until_serving(self, started_s: float, log: Path) -> None:
        assert self._process is not None
        operator = Operator(self.world.front_door, self.world.ports.aws, {})
        while not await self._serving(operator):
            if self._process.returncode is not None:
                raise TerrellaError(f"the game day's world did not start: {_last_words(log)}")
            if self._clock.monotonic() - started_s > _READY_TIMEOUT_S:
                raise TerrellaError(f"the world did not come up within {_READY_TIMEOUT_S:.0f} s; see {log}")
            await asyncio.sleep(_POLL_S)

    async def _serving(self, operator: Operator) -> bool:
        try:
            status: dict[str, Any] = await operator.status()
        except (OSError, TimeoutError, TerrellaError):
            return False
        if status.get("path") != str(self.world.path):
            return False  # another world has these addresses: ours will say so and end
        return bool(status.get("ready")) and all(one["state"] == "serving" for one in status["regions"])

    async def _stop(self) -> None:
        """As Ctrl-C does; SIGKILL if that is not enough, which is then an error."""
        process = self._process
        assert process is not None
        if process.returncode is None:
            process.send_signal(signal.SIGINT)
            try:
                async with asyncio.timeout(_STOP_TIMEOUT_S):
                    await process.wait()
            except TimeoutError:
                process.kill()
                await process.wait()
                why = f"the game day's world did not stop within {_STOP_TIMEOUT_S:.0f} s and was killed"
                raise TerrellaError(why) from None


def _last_words(log: Path) -> str:
    """Why ``terrella up`` ended."""
    said = log.read_text(errors="replace").strip()
    return said.rpartition("terrella: ")[2] or "terrella up ended without a word"
