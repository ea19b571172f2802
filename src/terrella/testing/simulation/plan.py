"""What is to happen in a world, drawn from its seed: its shape, its load, and which kinds of faults rain on it."""

import random
from dataclasses import dataclass, field

from terrella.journal import DataSet, Lane, data_set_id

NAMES = ("ap-south-1", "eu-west-1", "sa-east-1", "us-east-1", "us-west-2")
WORLD = "simulation"
BATCH_INTERVAL_S = 0.5
_FOR_EVER_MS = 10**12
LOG_BYTES_MAX = 1 << 30
_GIVE_UP = {"lose disk", "restore image", "add replica", "remove replica", "evict"}
# No world lasts longer, healing included.
_LONGEST_S = 200


@dataclass(frozen=True, slots=True)
class Features:
    """What the journal can do so far; a world with what it cannot do proves nothing."""

    old_images: bool = True
    lost_disks: bool = True
    short_logs: bool = True
    batches: bool = True
    expiry: bool = True
    poison: bool = True
    membership: bool = True


@dataclass(frozen=True, slots=True)
class Plan:
    """How much happens. ``faults`` names kinds of faults, each with how often it strikes.

    ``declared_late`` says which regions hear of a data set only after so many seconds. ``neglected`` is the chance of a
    stream to be sent long after others.
    """

    regions: tuple[str, ...] = NAMES[:3]
    data_sets: tuple[DataSet, ...] = ()
    declared_late: dict[tuple[str, str], float] = field(default_factory=dict)
    writes: int = 60
    reads: int = 20
    duration_s: float = 4.0
    keys: int = 4
    faults: dict[str, int] = field(default_factory=dict)
    hostile: float = 0.0
    skew_ms: int = 300
    drift: float = 0.0
    housekeeping_interval_s: float = 2.0
    log_bytes_max: int = LOG_BYTES_MAX
    expiring: float = 0.0
    poisoned: float = 0.0
    neglected: float = 0.0

    @property
    def gives_something_up(self) -> bool:
        """Whether a disk, a part of a log or a member may go: then somebody may need a snapshot."""
        return self.log_bytes_max < LOG_BYTES_MAX or bool(self.faults.keys() & _GIVE_UP)

    @property
    def tombstone_grace_ms(self) -> int:
        """More than clocks may differ, where a region may lose its own; so where they are set, it is for ever."""
        if not self.faults.keys() & {"lose disk", "restore image"}:
            return 0
        if self.faults.keys() & {"step clock", "step clock far"}:
            return _FOR_EVER_MS
        return 2 * self.skew_ms + round(_LONGEST_S * 1000 * self.drift) + 1


def data_set(number: int, lane: Lane, members: tuple[str, ...], generation: int = 1) -> DataSet:
    """The ``number``-th table of the simulated application."""
    id_ = data_set_id(WORLD, "app", f"Table{number}", generation)
    every_s = BATCH_INTERVAL_S if lane is Lane.BATCH else 0.0
    return DataSet(id_, f"table-{number}.{generation}", lane, members, every_s=every_s)


# Kinds of faults, and how often each strikes a world that has it.
FAULTS: dict[str, int] = {
    "crash": 2,
    "lose power": 1,
    "die between statements": 2,
    "die before commit": 2,
    "die after commit": 2,
    "fill disk": 2,
    "fail commit": 1,
    "fail statement": 1,
    "cut": 3,
    "cut one way": 3,
    "reset": 4,
    "labour": 2,
    "slow disk": 2,
    "step clock": 2,
    "step clock far": 1,
    "change schema": 3,
    "make again": 1,
}


# What is decided of who holds what.
MEMBERSHIP: dict[str, int] = {"add replica": 2, "remove replica": 1, "evict": 2}


def draw(chance: random.Random, features: Features) -> Plan:
    """A plan: few worlds have everything, so that each kind of trouble is seen with and without the others."""
    count = chance.choices((2, 3, 4, 5), (28, 52, 13, 7))[0]
    regions = tuple(sorted(chance.sample(NAMES, count)))
    data_sets = []
    late = {}
    for number in range(chance.choices((1, 2, 3), (50, 35, 15))[0]):
        lane = Lane.LOCAL if number and chance.random() < 0.3 else Lane.ASYNC
        if features.batches and lane is Lane.ASYNC and chance.random() < 0.1:
            lane = Lane.BATCH
        members = regions if chance.random() < 0.6 else tuple(sorted(chance.sample(regions, chance.randint(2, count))))
        made = data_set(number, lane, members)
        data_sets.append(made)
        if chance.random() < 0.2:
            late[(chance.choice(members), made.id)] = 2.5 * chance.random()
    faults = {kind: chance.randint(1, most) for kind, most in FAULTS.items() if chance.random() < 0.35}
    if any(made.lane is Lane.BATCH for made in data_sets):
        # A region whose clock is set back waits until it is where it was, before it fetches the next batch.
        faults.pop("step clock", None)
        faults.pop("step clock far", None)
    poisoned = 0.15 if features.poison and chance.random() < 0.25 else 0.0
    if features.old_images and chance.random() < 0.25:
        faults["restore image"] = chance.randint(1, 2)
    if features.membership and count > 2 and chance.random() < 0.3:
        faults |= {kind: chance.randint(1, most) for kind, most in MEMBERSHIP.items() if chance.random() < 0.6}
    if features.lost_disks and chance.random() < 0.2:
        faults["lose disk"] = 1
    return Plan(
        regions=regions,
        data_sets=tuple(data_sets),
        declared_late=late,
        writes=chance.randint(20, 70),
        reads=chance.randint(0, 30),
        duration_s=1.5 + 1.5 * chance.random(),
        keys=chance.randint(1, 5),
        faults=faults,
        hostile=0.5 if chance.random() < 0.25 else 0.0,
        skew_ms=chance.choice((5, 300, 20_000)),
        drift=chance.choice((0.0, 0.0, 0.02)),
        housekeeping_interval_s=chance.choice((0.2, 0.7, 2.0)),
        log_bytes_max=chance.choice((1000, 3000, 10_000))
        if features.short_logs and chance.random() < 0.2
        else LOG_BYTES_MAX,
        expiring=0.3 if features.expiry and chance.random() < 0.3 else 0.0,
        poisoned=poisoned,
        neglected=0.4 if chance.random() < 0.2 else 0.0,
    )
