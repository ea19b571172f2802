"""Tell what happens under a seed: ``python -m terrella.testing.simulation SEED [SEED_END]``."""

import sys

from terrella.testing.simulation.world import SimulationFailure, simulate


def main(arguments: list[str]) -> int:
    """One seed is told; of a range only the failures are."""
    seeds = [int(argument) for argument in arguments]
    if len(seeds) not in (1, 2):
        sys.stderr.write(f"{__doc__}\n")
        return 2
    failures = 0
    for seed in range(seeds[0], seeds[-1] + 1):
        try:
            simulate(seed, tell=print if len(seeds) == 1 else None)
        except SimulationFailure as failure:
            failures += 1
            sys.stdout.write(f"{failure}\n")
    sys.stdout.write(f"{seeds[-1] - seeds[0] + 1 - failures} of {seeds[-1] - seeds[0] + 1} seeds held\n")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
