"""What can go wrong in a simulated world: one kind of fault, one small function."""

from collections.abc import Callable
from typing import TYPE_CHECKING

import apsw

from terrella.testing.simulation.plan import data_set
from terrella.testing.simulation.region import Life, SimulatedRegion
from terrella.testing.simulation.schema import Schema

if TYPE_CHECKING:
    from terrella.testing.simulation.world import World


def crash(world: "World", region: SimulatedRegion) -> None:
    """The process dies; its peers are told at once."""
    world.tell(f"{region.name}: crash")
    region.kill()


def lose_power(world: "World", region: SimulatedRegion) -> None:
    """The whole machine is gone; its peers only hear nothing any more."""
    world.tell(f"{region.name}: power lost")
    region.kill(silently=True)


def die_between_statements(world: "World", region: SimulatedRegion) -> None:
    """The process dies in the middle of a batch."""
    if region.life is not None:
        region.life.break_statement(world.chance.randrange(12), region.life.die_in_statement)


def die_before_commit(world: "World", region: SimulatedRegion) -> None:
    """The next batch never reaches the disk."""
    _next_commit(world, region, "die before")


def die_after_commit(world: "World", region: SimulatedRegion) -> None:
    """The next batch is on the disk, but nobody is told."""
    _next_commit(world, region, "die after")


def fail_commit(world: "World", region: SimulatedRegion) -> None:
    """The disk fails in the next commit; it may or may not be there after a restart."""
    _next_commit(world, region, "fail after" if world.chance.random() < 0.5 else "fail before")


def fail_statement(world: "World", region: SimulatedRegion) -> None:
    """The disk fails in the middle of a batch, reading or writing."""

    def fail() -> None:
        world.tell(f"{region.name}: a statement fails")
        raise apsw.IOError("simulated: a bad sector")

    if region.life is not None:
        region.life.break_statement(world.chance.randrange(30), fail)


def fill_disk(world: "World", region: SimulatedRegion) -> None:
    """There is no room for a while: at a commit, or already at a statement of a batch."""
    life = region.life
    if life is None:
        return
    world.tell(f"{region.name}: the disk is full")
    life.commit_fault = lambda: "full"

    def full() -> None:
        raise apsw.FullError("simulated: no room")

    if world.chance.random() < 0.5:
        life.break_statement(world.chance.randrange(10), full, reads=False)
    world.schedule.after(0.5 * world.chance.random(), _no_fault, life)


def cut(world: "World", region: SimulatedRegion) -> None:
    """Nothing passes between two regions, either way."""
    other = world.chance.choice(region.peers)
    world.cut(region.name, other)
    world.schedule.after(3.5 * world.chance.random(), world.mend, region.name, other)


def cut_one_way(world: "World", region: SimulatedRegion) -> None:
    """Nothing passes from one region to another; the other way all does."""
    other = world.chance.choice(region.peers)
    world.tell(f"cut {region.name} > {other}")
    world.network.cut(region.name, other)
    world.schedule.after(3.5 * world.chance.random(), _mend_one_way, world, region.name, other)


def reset(world: "World", region: SimulatedRegion) -> None:
    """A connection breaks in the middle of a message."""
    broken = world.network.reset(world.chance.random())
    world.tell(f"reset {broken}")


def labour(world: "World", region: SimulatedRegion) -> None:
    """The region is so slow for a while that it does everything in small pieces."""
    region.clock.laboured = True
    world.schedule.after(1.5 * world.chance.random(), _rested, region)


def slow_disk(world: "World", region: SimulatedRegion) -> None:
    """Each commit takes long, so that much waits for it and happens meanwhile."""
    world.tell(f"{region.name}: the disk is slow")
    region.slow_disk = True
    world.schedule.after(1.5 * world.chance.random(), _fast_disk, region)


def step_clock(world: "World", region: SimulatedRegion) -> None:
    """Someone sets the clock, by up to the half of what other regions follow."""
    _step(world, region, world.chance.randint(-30_000, 30_000))


def step_clock_far(world: "World", region: SimulatedRegion) -> None:
    """Someone sets the clock quite wrong."""
    _step(world, region, world.chance.choice((-1, 1)) * world.chance.randint(70_000, 900_000))


def change_schema(world: "World", region: SimulatedRegion) -> None:
    """A table's indexes change, in one region after the other."""
    for schema in list(region.schemas.values())[:1]:
        version = world.chance.randrange(6)
        for member in schema.definition.holders:
            world.schedule.after(world.chance.random(), _declare, world, member, schema.definition.id, version)


def make_again(world: "World", region: SimulatedRegion) -> None:
    """A table is deleted and made again under its name, in one region after the other."""
    if not region.schemas:
        return
    old = world.chance.choice(list(region.schemas.values())).definition
    if old.id in world.replaced:
        return
    number, generation = (int(part) for part in old.name.removeprefix("table-").split("."))
    new = data_set(number, old.lane, old.members, generation + 1)
    world.replaced.add(old.id)
    world.data_sets[new.id] = new
    world.membership.forget(old.id)
    world.membership.register(new)
    for member in old.members:
        world.schedule.after(0.8 * world.chance.random(), world.replace, member, old.id, new)


def restore_image(world: "World", region: SimulatedRegion) -> None:
    """The machine is rebuilt from a backup."""
    image = region.disk.image()

    def restore() -> None:
        world.destroy(region, image, "an old disk image is restored")

    world.schedule.after(1.5 * world.chance.random(), restore)


def lose_disk(world: "World", region: SimulatedRegion) -> None:
    """The disk is gone; an empty one takes its place."""
    world.destroy(region, None, "the disk is lost")


def add_replica(world: "World", region: SimulatedRegion) -> None:
    """A region joins a data set that it does not hold, or holds no more."""
    for group in world.membership.groups.values():
        if region.name not in group.holders:
            source = world.chance.choice(group.members)
            world.tell(f"{region.name} is to join {group.definition.name}, by a snapshot of {source}")
            world.membership.add(group.definition.id, region.name, source)
            return


def remove_replica(world: "World", region: SimulatedRegion) -> None:
    """A member hands on what it has, and leaves."""
    for group in world.membership.groups.values():
        if region.name in group.members:
            world.tell(f"{region.name} is to leave {group.definition.name}")
            world.membership.remove(group.definition.id, region.name)
            return


def evict(world: "World", region: SimulatedRegion) -> None:
    """A region is written off; it may come back, and is added again then."""
    world.tell(f"{region.name} is evicted")
    for group in list(world.membership.groups.values()):
        if region.name in group.holders and world.chance.random() < 0.8 and not world.last_whole(region.name, group):
            world.membership.evict(group.definition.id, region.name)
    if world.chance.random() < 0.7:
        world.schedule.after(0.5 + 1.5 * world.chance.random(), add_replica, world, region)


FAULT_OF: dict[str, Callable[["World", SimulatedRegion], None]] = {
    "crash": crash,
    "lose power": lose_power,
    "die between statements": die_between_statements,
    "die before commit": die_before_commit,
    "die after commit": die_after_commit,
    "fill disk": fill_disk,
    "fail commit": fail_commit,
    "fail statement": fail_statement,
    "cut": cut,
    "cut one way": cut_one_way,
    "reset": reset,
    "labour": labour,
    "slow disk": slow_disk,
    "step clock": step_clock,
    "step clock far": step_clock_far,
    "change schema": change_schema,
    "make again": make_again,
    "restore image": restore_image,
    "lose disk": lose_disk,
    "add replica": add_replica,
    "remove replica": remove_replica,
    "evict": evict,
}


def _next_commit(world: "World", region: SimulatedRegion, verdict: str) -> None:
    life = region.life
    if life is None:
        return

    def fault() -> str:
        _no_fault(life)
        world.tell(f"{region.name}: {verdict} in a commit")
        return verdict

    life.commit_fault = fault


def _no_fault(life: Life) -> None:
    life.commit_fault = None


def _mend_one_way(world: "World", sender: str, receiver: str) -> None:
    world.tell(f"mend {sender} > {receiver}")
    world.network.mend(sender, receiver)


def _fast_disk(region: SimulatedRegion) -> None:
    region.slow_disk = False


def _rested(region: SimulatedRegion) -> None:
    region.clock.laboured = False


def _step(world: "World", region: SimulatedRegion, milliseconds: int) -> None:
    world.tell(f"{region.name}: the clock is set by {milliseconds / 1000:+.3f} s")
    region.clock.now_ms()
    region.clock.step(milliseconds)


def _declare(world: "World", name: str, data_set_id: str, version: int) -> None:
    region = world.regions[name]
    known = region.schemas.get(data_set_id)
    if known is not None:
        world.declare(region, Schema(known.definition, version))
