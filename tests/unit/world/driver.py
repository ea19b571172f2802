"""``terrella up`` with fake regions, as a process of its own: ``driver.py WORLD_YAML``."""

import sys
from collections.abc import Sequence
from pathlib import Path

from terrella.cli.report import LineReporter
from terrella.kernel import TerrellaError
from terrella.world import Options, load_world, run_world

FAKE = Path(__file__).with_name("fake_region.py")


def command(world_path: Path, region: str) -> Sequence[str]:
    return [sys.executable, str(FAKE), region, str(world_path)]


if __name__ == "__main__":
    path = Path(sys.argv[1])
    try:
        run_world(load_world(path), Options(), LineReporter(), command=lambda region: command(path, region))
    except TerrellaError as error:
        sys.exit(f"terrella: {error}")
