"""``python -m tests.chaos [--kills 100] [--seed 7] [--rate 100] [--keys 40] [--keep DIRECTORY]``."""

import argparse
import asyncio
import sys
import tempfile
import time
from pathlib import Path

from tests.chaos.run import Chaos


def main() -> int:
    """Run, print what was found, and answer 1 if anything was."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos")
    parser.add_argument("--kills", type=int, default=100, help="how many region processes to kill")
    parser.add_argument("--seed", type=int, default=1, help="draws faults and load")
    parser.add_argument("--rate", type=float, default=100, help="writes a second in each region")
    parser.add_argument("--keys", type=int, default=40)
    parser.add_argument("--keep", type=Path, help="where the world is made and left (default: a temporary directory)")
    given = parser.parse_args()
    started_s = time.monotonic()

    def tell(text: str) -> None:
        sys.stdout.write(f"{time.monotonic() - started_s:7.1f} {text}\n")
        sys.stdout.flush()

    directory = given.keep or Path(tempfile.mkdtemp(prefix="terrella-chaos-"))
    chaos = Chaos(directory / "things", given.seed, given.keys, given.rate, tell)
    finding = asyncio.run(chaos.run(given.kills))
    told, faults = chaos.told, chaos.faults
    tell(
        f"{faults.kills} kills, {faults.cuts} cuts, {faults.pauses} pauses, {finding.incarnations} incarnations; "
        f"{len(told.acknowledged)} writes acknowledged, {told.unknown} unknown, {told.refused} refused; "
        f"{finding.writes} in the logs, {finding.conflicts} conflicts; {len(finding.violations)} violations"
    )
    for violation in finding.violations[:20]:
        tell(violation)
    return 1 if finding.violations else 0


if __name__ == "__main__":
    sys.exit(main())
