"""Simulate seeds: ``python -m terrella.testing.simulation SEED`` tells one, ``FIRST LAST`` runs a range.

A range runs on all processors; the transcripts of seeds that fail are kept in ``simulation-failures/``.
"""

import os
import sys

from terrella.testing.simulation.runner import report, transcript


def main(arguments: list[str]) -> int:
    """Exit status 1 if a seed failed."""
    seeds = [int(argument) for argument in arguments]
    if len(seeds) == 1:
        told = transcript(seeds[0])
        sys.stdout.write(told)
        return 0 if told.endswith("held\n") else 1
    if len(seeds) == 2:
        return 1 if report(range(seeds[0], seeds[1] + 1), os.cpu_count() or 1) else 0
    sys.stderr.write(f"{__doc__}\n")
    return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
