"""Many seeds over several processes; what fails is kept as a transcript."""

import logging
import multiprocessing
import sys
import traceback
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from terrella.testing.simulation.plan import Plan
from terrella.testing.simulation.world import SimulationFailure, World

FAILURES = Path("simulation-failures")
_CHUNK = 8


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a seed: nothing to say, or which rules were broken and how."""

    seed: int
    rules: frozenset[str] = frozenset()
    finding: str = ""


def run_seed(seed: int) -> Outcome:
    """Run a seed, and say what was found; a crash of the simulated code itself is a finding too."""
    return run_world(seed, None)


def run_world(seed: int, plan: Plan | None) -> Outcome:
    """Run a seed's world, or (with a plan) another one by the same chance."""
    try:
        tell_seed(seed, None, plan)
    except SimulationFailure as failure:
        return Outcome(seed, failure.rules, str(failure))
    except Exception:  # noqa: BLE001 - it ends this seed, and is reported as what it found
        return Outcome(seed, frozenset({"??"}), f"seed {seed}: {traceback.format_exc()}")
    return Outcome(seed)


def tell_seed(seed: int, lines: list[str] | None, plan: Plan | None = None) -> None:
    """Run a seed, noting what happens; raises what it finds."""
    logging.disable(logging.CRITICAL)
    world = World(seed, plan, lines.append if lines is not None else None)
    try:
        world.run()
    finally:
        world.close()
        logging.disable(logging.NOTSET)


def transcript(seed: int) -> str:
    """Everything that happened under a seed, and how it ended."""
    lines: list[str] = []
    try:
        tell_seed(seed, lines)
    except SimulationFailure as failure:
        lines += ["", *failure.found, "", str(failure)]
    except Exception:  # noqa: BLE001 - part of the story
        lines += ["", traceback.format_exc()]
    else:
        lines += ["", f"seed {seed} held"]
    return "\n".join(lines) + "\n"


def run_seeds(seeds: Iterable[int], processes: int) -> Iterator[Outcome]:
    """The outcomes, as they come."""
    if processes == 1:
        yield from map(run_seed, seeds)
        return
    with multiprocessing.get_context("spawn").Pool(processes) as pool:
        yield from pool.imap_unordered(run_seed, seeds, chunksize=_CHUNK)


def keep(outcome: Outcome, folder: Path = FAILURES) -> Path:
    """Write a failing seed's transcript down."""
    folder.mkdir(exist_ok=True)
    path = folder / f"{outcome.seed}.txt"
    path.write_text(transcript(outcome.seed))
    return path


def report(seeds: range, processes: int, failures_max: int = 20) -> int:
    """Run seeds with a line of progress; answers how many failed, of which the first few are kept as transcripts."""
    failed: list[Outcome] = []
    done = 0
    for outcome in run_seeds(seeds, processes):
        done += 1
        if outcome.finding:
            failed.append(outcome)
            if len(failed) <= failures_max:
                sys.stdout.write(f"\r{outcome.finding}\nkept as {keep(outcome)}\n")
        if done % 20 == 0 or done == len(seeds):
            sys.stdout.write(f"\r{done} of {len(seeds)} seeds, {len(failed)} failed ")
            sys.stdout.flush()
    rules = sorted({rule for outcome in failed for rule in outcome.rules})
    sys.stdout.write(f"\n{done - len(failed)} seeds held\n")
    for rule in rules:
        seeds_of = [outcome.seed for outcome in failed if rule in outcome.rules]
        sys.stdout.write(f"{rule}: {len(seeds_of)} seeds, such as {', '.join(map(str, islice(seeds_of, 5)))}\n")
    return len(failed)
