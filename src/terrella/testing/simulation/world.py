"""The simulated world: regions under a load of writes and a rain of faults, then healed, then checked."""

import asyncio
import shutil
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from terrella.journal import DataSet, FrameReader, Lane, PackedRecords, Records, unpack
from terrella.testing.simulation.checkers import CHECKERS, Checker, Evidence
from terrella.testing.simulation.disk import Place
from terrella.testing.simulation.faults import FAULT_OF
from terrella.testing.simulation.history import History
from terrella.testing.simulation.loop import enter
from terrella.testing.simulation.membership import Group, Membership
from terrella.testing.simulation.network import Network, Weather
from terrella.testing.simulation.patches import Patches, choke, neglect
from terrella.testing.simulation.plan import NAMES, Features, Plan, data_set, draw
from terrella.testing.simulation.region import SimulatedRegion, Wishes
from terrella.testing.simulation.schedule import START_MS, RegionClock, Schedule
from terrella.testing.simulation.schema import EXPIRES, POISON, Schema

FEATURES = Features()
_HEALING_S = 40.0
_STABLE_S = 1.0
_NEGLECTED_S = 0.8
_SHARED_MEMORY = Path("/dev/shm")  # noqa: S108 - a folder of our own is made in it


class SimulationFailure(AssertionError):  # noqa: N818 - it is a finding, not an error of the simulator
    """A rule was broken; the message says which, and how to see it again."""

    def __init__(self, seed: int, found: list[str]) -> None:
        self.rules = frozenset(text[:2] for text in found)
        self.found = found
        super().__init__(
            f"seed {seed}: {len(found)} violations of {', '.join(sorted(self.rules))}; the first: {found[0]}\n"
            f"replay it with: python -m terrella.testing.simulation {seed}"
        )


class World:
    """One run. Everything that happens follows from the seed; ``close`` it when it is over."""

    def __init__(
        self,
        seed: int,
        plan: Plan | None = None,
        tell: Callable[[str], None] | None = None,
        checkers: Sequence[Checker] = CHECKERS,
    ) -> None:
        self.seed = seed
        self.schedule = Schedule(seed, enter)
        self.chance = self.schedule.random
        self.plan = plan or draw(self.chance, FEATURES)
        self.history = History()
        self.network = Network(self.schedule, Weather(hostile=self.plan.hostile), self._tap)
        self.found: list[str] = []
        self.faulty = True
        self.replaced: set[str] = set()
        made = self.plan.data_sets or (data_set(0, Lane.ASYNC, self.plan.regions),)
        self.data_sets: dict[str, DataSet] = {definition.id: definition for definition in made}
        self.regions: dict[str, SimulatedRegion] = {}
        self.membership = Membership(self._has_majority, self._spread)
        for definition in made:
            self.membership.register(definition)
        self._checkers = checkers
        self._tell = tell
        self._evidence = Evidence(self.history, self.data_sets, snapshots_excused=self.plan.gives_something_up)
        self._images: dict[str, tuple[bytes | None, str]] = {}
        self._mended_at = 0.0
        self._waiting: dict[tuple[str, str, tuple[str, str], int], bool] = {}
        within = _SHARED_MEMORY if _SHARED_MEMORY.is_dir() else None
        self._folder = Path(tempfile.mkdtemp(prefix="terrella-", dir=within))
        for name in self.plan.regions:
            self.regions[name] = self._region(name)
        self._patches = Patches()
        if self.plan.poisoned:
            choke(self._patches, self._chokes)
            for region in self.regions.values():
                region.chokes = self.chance.random() < 0.5
        if self.plan.neglected:
            neglect(self._patches, self._neglected)

    def _region(self, name: str) -> SimulatedRegion:
        skew_ms = self.plan.skew_ms
        drift = self.plan.drift * (self.chance.random() - 0.5)
        region = SimulatedRegion(
            self.schedule,
            self.network,
            self.history,
            name,
            self.plan,
            RegionClock(self.schedule, self.chance.randrange(-skew_ms, skew_ms), drift),
            self._folder / name,
            self.tell,
            self.membership,
        )
        region.on_death = self._died
        return region

    def _chokes(self, value: bytes) -> bool:
        """Whether the process whose turn it is makes a mistake with a value."""
        return POISON in value and self.regions[getattr(asyncio.get_running_loop(), "name")].chokes  # noqa: B009

    def _neglected(self, data_set_id: str, origin: tuple[str, str], now: float) -> bool:
        """Whether a stream has to wait in the process whose turn it is; it is decided anew every other second."""
        if not self.faulty:
            return False
        place = (getattr(asyncio.get_running_loop(), "name"), data_set_id, origin, int(now / _NEGLECTED_S))  # noqa: B009
        known = self._waiting.get(place)
        if known is None:
            known = self._waiting[place] = self.chance.random() < self.plan.neglected
        return known

    def close(self) -> None:
        """End all processes, and remove the disks."""
        self._patches.undo()
        for region in self.regions.values():
            region.on_death = lambda _: None
            region.kill()
        self.wait(0)
        shutil.rmtree(self._folder)

    def run(self) -> None:
        """Load and faults, then healing, then the checks; raises ``SimulationFailure``."""
        self.start()
        self._plan_load()
        self._plan_faults()
        self.wait(self.plan.duration_s)
        self._heal()
        self.settle()
        self._replay_parked()
        self.check()

    def check(self) -> None:
        """Judge what is on the disks now; raises ``SimulationFailure``."""
        evidence = self._evidence
        for name, region in self.regions.items():
            contents = evidence.disks[name] = region.disk.contents()
            self.history.seen_on_disk(name, contents)
            evidence.schemas[name] = dict(region.schemas)
            region.clock.now_ms()
            evidence.clocks_max_ms[name] = region.clock.latest_ms
        evidence.data_sets = {id_: self._now(one) for id_, one in self.data_sets.items() if id_ not in self.replaced}
        self._forgive()
        self._strand()
        for checker in self._checkers:
            self.found += checker.at_end(evidence)
        for name, region in self.regions.items():
            for checker in self._checkers:
                self.found += checker.at_crash(evidence, name, evidence.disks[name])
            if region.life is not None:
                self.found += region.life.loop.mistakes
        if self.found:
            raise SimulationFailure(self.seed, list(dict.fromkeys(self.found)))

    # a story, step by step

    def start(self) -> None:
        """All regions come up, each with the data sets that it knows of."""
        for definition in self.data_sets.values():
            for member in definition.holders:
                late_s = self.plan.declared_late.get((member, definition.id))
                if late_s is None:
                    self.regions[member].schemas[definition.id] = Schema(definition)
                else:
                    self.schedule.after(late_s, self.declare, self.regions[member], Schema(definition))
        for region in self.regions.values():
            self._boot(region)
        self._follow_all()

    def write(self, region: str, key: bytes, value: bytes | None) -> None:
        """A client puts an item of the first data set in a region, or deletes it (None), and waits for the answer."""
        self._submit(self.regions[region], [(next(iter(self.data_sets)), key, value)])
        self.wait(0.01)

    def cut(self, one: str, other: str) -> None:
        """Nothing passes between two regions any more."""
        self.tell(f"cut {one} | {other}")
        self.network.cut(one, other)
        self.network.cut(other, one)

    def mend(self, one: str, other: str) -> None:
        """All passes again, what was held too."""
        self.tell(f"mend {one} - {other}")
        self.network.mend(one, other)
        self.network.mend(other, one)

    def crash(self, region: str) -> None:
        """A region loses what is not on its disk; it comes up again within two seconds."""
        self.regions[region].kill()

    def wait(self, seconds: float) -> None:
        """Let time pass."""
        self.schedule.run_until(self.schedule.now + seconds)

    def settle(self) -> None:
        """Let time pass until all regions have applied the same for a while, or a minute is over."""
        give_up_at = self.schedule.now + _HEALING_S
        stable_since = self.schedule.now
        last: object = None
        while self.schedule.now < give_up_at:
            self.wait(0.1)
            state = self._agreement()
            if state is None or state != last:
                stable_since, last = self.schedule.now, state
            elif self.schedule.now - stable_since > _STABLE_S:
                return
        self.tell("the world does not settle")

    def tell(self, text: str) -> None:
        """Note what happens, for whoever replays the seed."""
        if self._tell is not None:
            self._tell(f"{self.schedule.now:8.3f} {text}")

    # load and faults

    def _plan_load(self) -> None:
        chance, plan = self.chance, self.plan
        for number in range(plan.writes):
            moment = plan.duration_s * chance.random()
            if chance.random() < 0.4:  # several at once, for batches of more than one
                moment = round(moment, 1)
            self.schedule.at(moment, self._some_write, number)
        for _ in range(plan.reads):
            self.schedule.at(plan.duration_s * chance.random(), self._some_read)

    def _some_place(self) -> tuple[SimulatedRegion, str, bytes]:
        chance = self.chance
        definition = chance.choice([one for one in self.data_sets.values() if one.id not in self.replaced])
        key = b"key-%d" % chance.randrange(self.plan.keys)
        return self.regions[chance.choice(self._now(definition).holders)], definition.id, key

    def _some_write(self, number: int) -> None:
        chance = self.chance
        region, data_set_id, key = self._some_place()
        wishes: Wishes = [(data_set_id, key, self._value(region.name, number))]
        kind = chance.random()
        if kind < 0.15:
            for extra in range(1, self.plan.keys):
                if chance.random() < 0.6:
                    other = b"key-%d" % ((int(key[4:]) + extra) % self.plan.keys)
                    wishes.append((data_set_id, other, self._value(region.name, number)))
        expected: bytes | None = b"any"
        if kind > 0.8 and region.life is not None and region.life.journal is not None:
            stored = region.vector(data_set_id) and region.stored(data_set_id, key)
            expected = stored.value if stored else None
        self._submit(region, wishes, expected)
        if chance.random() < 0.3:
            self.schedule.after(0.004 * chance.random(), self._read, region, data_set_id, key)

    def _value(self, name: str, number: int) -> bytes | None:
        chance, plan = self.chance, self.plan
        if chance.random() < 0.2:
            return None
        value = f"{name} {number} {'x' * chance.randrange(4)}".encode()
        if chance.random() < plan.poisoned:
            value += POISON
        if chance.random() < plan.expiring:
            value += EXPIRES + b"%015d" % (START_MS + int(1000 * (self.schedule.now + chance.random())))
        return value

    def _some_read(self) -> None:
        self._read(*self._some_place())

    def _read(self, region: SimulatedRegion, data_set_id: str, key: bytes) -> None:
        if region.life is not None:
            region.life.read(data_set_id, key)

    def _submit(self, region: SimulatedRegion, wishes: Wishes, expected: bytes | None = b"any") -> None:
        if region.life is not None:
            for data_set_id, key, value in wishes:
                name = self.data_sets[data_set_id].name
                verb = "deletes" if value is None else "puts"
                self.tell(f"{region.name}: a client {verb} {key.decode()} of {name}")
            region.life.spawn_later(region.life.write, wishes, expected)

    def _plan_faults(self) -> None:
        for kind, times in self.plan.faults.items():
            for _ in range(times):
                self.schedule.at(self.plan.duration_s * self.chance.random(), self._strike, kind)

    def _strike(self, kind: str) -> None:
        if self.faulty:
            FAULT_OF[kind](self, self.regions[self.chance.choice(self.plan.regions)])

    # what faults need

    def declare(self, region: SimulatedRegion, schema: Schema) -> None:
        """A region hears of a data set, or of its new indexes."""
        if schema.definition.id in region.dropped:
            return
        self.tell(f"{region.name}: declares {schema.definition.name}, version {schema.version}")
        region.schemas[schema.definition.id] = schema
        if region.life is not None:
            region.life.spawn_later(region.life.declare, schema)

    def replace(self, name: str, old: str, new: DataSet) -> None:
        """A region hears that a table was deleted, and made again."""
        region = self.regions[name]
        self.tell(f"{name}: drops {self.data_sets[old].name}")
        region.schemas.pop(old, None)
        region.dropped.add(old)
        if region.life is not None:
            region.life.spawn_later(region.life.drop, old)
        self.declare(region, Schema(new))

    def destroy(self, region: SimulatedRegion, image: bytes | None, why: str) -> None:
        """A region's disk is replaced by an image of it, or by an empty one."""
        if not self.faulty or any(self.last_whole(region.name, group) for group in self.membership.groups.values()):
            return
        self._images[region.name] = (image, why)
        if region.up:
            region.kill()
        else:
            self._replace_disk(region)

    def last_whole(self, region: str, group: Group) -> bool:
        """Whether no other member has the disk that it began with.

        Of replicas of which none is whole nothing is promised.
        """
        destroyed = self._evidence.destroyed | self._images.keys()
        return region in group.holders and destroyed | {region} >= set(group.members)

    def _replace_disk(self, region: SimulatedRegion) -> None:
        image, why = self._images.pop(region.name)
        before = region.disk.applied()
        region.disk.replace(image)
        self.tell(f"{region.name}: {why}")
        elsewhere = {other.name: other.disk.applied() for other in self.regions.values() if other is not region}
        after = region.disk.applied()
        for place, applied in before.items():
            group = self.membership.groups.get(place[0])
            # Who has left may still have it, and will give it up: nobody is promised anything by that.
            holders = elsewhere.keys() if group is None else elsewhere.keys() & {*group.holders}
            kept = max([elsewhere[other].get(place, 0) for other in holders] + [after.get(place, 0)])
            evicted = (
                [] if group is None else [one for one in group.evicted if elsewhere.get(one, {}).get(place, 0) > kept]
            )
            kept_by_evicted = max([elsewhere[other][place] for other in evicted], default=kept)
            if kept < min(kept_by_evicted, applied):
                self.history.left_to_evicted.append(
                    (place, kept + 1, min(kept_by_evicted, applied), frozenset(evicted))
                )
            self._perhaps_lost(place, max(kept, kept_by_evicted), applied)
        promised = self.history.shipped.get(region.name, {})
        for place in promised:
            promised[place] = min(promised[place], after.get(place, 0))
        self._evidence.destroyed.add(region.name)

    def _perhaps_lost(self, place: Place, kept: int, applied: int) -> None:
        if kept < applied:
            self.tell(f"records {kept + 1} to {applied} of {place[1][0]} were on this disk only")
            self.history.destroyed.append((place, kept + 1, applied))

    def _forgive(self) -> None:
        """What was destroyed with the last disk that held it, and did not arrive anywhere afterwards."""
        destroyed = list(self.history.destroyed)
        for place, first, last, evicted in self.history.left_to_evicted:
            now_evicted = self.membership.groups[place[0]].evicted if place[0] in self.membership.groups else ()
            if evicted <= {*now_evicted}:
                destroyed.append((place, first, last))
        for (data_set_id, origin), first, last in destroyed:
            held = 0
            group = self.membership.groups.get(data_set_id)
            for name, contents in self._evidence.disks.items():
                # What only a region has that was evicted, and did not come back, is lost with it.
                if data_set_id in contents and (group is None or name in group.holders):
                    held = max(held, contents[data_set_id].applied.get(origin, 0))
            self.history.lose(data_set_id, origin, max(first, held + 1), last)

    # who holds what

    def _has_majority(self) -> bool:
        return 2 * sum(region.up for region in self.regions.values()) > len(self.regions)

    def _spread(self, group: Group) -> None:
        self.tell(
            f"epoch {group.epoch} of {group.definition.name}: {', '.join(group.members)}; "
            f"joining {group.joining}, leaving {group.leaving}, evicted {group.evicted}"
        )
        for region in self.regions.values():
            self.schedule.after(1.2 * self.chance.random() ** 2, self._follow, region)

    def _follow(self, region: SimulatedRegion) -> None:
        if region.life is not None:
            region.life.spawn_later(region.life.follow)

    def _follow_all(self) -> None:
        """Now and then each region asks what was decided."""
        if self.membership.changed:
            for region in self.regions.values():
                self._follow(region)
        self.schedule.after(0.7, self._follow_all)

    def _now(self, definition: DataSet) -> DataSet:
        """A data set with the members that it has by now."""
        group = self.membership.groups.get(definition.id)
        return definition if group is None else group.decided

    def _strand(self) -> None:
        """What no member holds as it is: written off with a region that is evicted, or taken over when it came back."""
        for data_set_id, writes in self.history.writes.items():
            group = self.membership.groups.get(data_set_id)
            if group is None or not self.membership.changed:
                continue
            disks = [self._evidence.disks[member].get(data_set_id) for member in group.members]
            stranded = self.history.stranded[data_set_id] = set()
            for dot in writes:
                if any(disk is not None and disk.applied.get(dot.origin, 0) >= dot.sequence for disk in disks):
                    continue
                if dot.region in group.evicted:
                    self.history.lose(data_set_id, dot.origin, dot.sequence, dot.sequence)
                stranded.add(dot)

    # the course of things

    def _boot(self, region: SimulatedRegion) -> None:
        region.boot()

    def _died(self, region: SimulatedRegion) -> None:
        contents = region.disk.contents()
        self.history.seen_on_disk(region.name, contents)
        for checker in self._checkers:
            self.found += checker.at_crash(self._evidence, region.name, contents)
        if region.name in self._images:
            self._replace_disk(region)
        down_s = 0.05 + 1.5 * self.chance.random() ** 2 if self.faulty else 0.05
        self.schedule.after(down_s, self._boot, region)

    def _heal(self) -> None:
        self.faulty = False
        self.network.mend_all()
        for region in self.regions.values():
            region.clock.laboured = region.slow_disk = False
            if region.life is not None:
                region.life.commit_fault = None
        if self.membership.changed:
            for group in list(self.membership.groups.values()):
                for evicted in group.evicted:
                    if self.chance.random() < 0.6:
                        self.membership.add(group.definition.id, evicted, self.chance.choice(group.members))
        self.tell("all is healed")

    def _replay_parked(self) -> None:
        """Mend the processes that could not take everything, and try again what they had refused."""
        if not self.plan.poisoned:
            return
        for region in self.regions.values():
            region.chokes = False
            if region.life is not None:
                region.life.spawn_later(region.life.replay_parked)
        self.settle()

    def _agreement(self) -> object:
        """What all have applied; None as long as they have not, or somebody waits for room on its disk."""
        if any(region.life is not None and region.life.insisting for region in self.regions.values()):
            return None
        agreed = []
        for definition in self.data_sets.values():
            if definition.id in self.replaced:
                continue
            group = self.membership.groups.get(definition.id)
            if group is not None and not group.at_rest:
                return None
            members = group.members if group is not None else definition.members
            vectors = [self.regions[member].vector(definition.id) for member in members]
            if any(vector is None for vector in vectors):
                return None
            if definition.lane is not Lane.LOCAL and any(vector != vectors[0] for vector in vectors[1:]):
                return None
            agreed.append(tuple(sorted((vectors[0] or {}).items())))
        return agreed

    def _tap(self, sender: str, data: bytes) -> None:
        for message in FrameReader().feed(data):
            if isinstance(message, PackedRecords):
                message = unpack(message)
            if isinstance(message, Records):
                place = (message.data_set_id, (message.region, message.incarnation))
                self.history.sent(sender, place, message.first, message.records)


def simulate(seed: int, plan: Plan | None = None, tell: Callable[[str], None] | None = None) -> World:
    """Run a seed; raises ``SimulationFailure`` if a rule was broken."""
    world = World(seed, plan, tell)
    try:
        world.run()
    finally:
        world.close()
    return world


__all__ = ["NAMES", "SimulationFailure", "World", "simulate"]
