"""What every benchmark is given: how thorough to be, where to work, whom to tell, and a world that runs."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.worlds import BenchWorld, free_base


@dataclass(slots=True)
class Context:
    """``repeats`` is how often each figure is taken; ``say`` shows what is being done."""

    scratch: Path
    repeats: int
    say: Callable[[str], None]
    peers: bool = False
    _world: BenchWorld | None = field(default=None)
    _made: int = 0

    def new_world(self) -> BenchWorld:
        """A world that has never run."""
        self._made += 1
        return BenchWorld(self.scratch / f"world{self._made}", free_base())

    def world(self) -> BenchWorld:
        """The world that several benchmarks share, running."""
        if self._world is None:
            self.say("starting a world")
            world = self.new_world()
            self._world = world
            world.start()
        return self._world

    def close(self) -> None:
        """Stop the shared world."""
        if self._world is not None:
            self.say("stopping the world")
            self._world.stop()
            self._world = None
