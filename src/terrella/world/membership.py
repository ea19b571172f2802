"""Regions come and go while the world runs: what the supervisor does beside what the regions decide."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import msgspec

from terrella.kernel import TerrellaError
from terrella.region import RegionSettings
from terrella.wire.links import Link
from terrella.world.client import ControlClient
from terrella.world.events import Mood
from terrella.world.loader import load_world
from terrella.world.model import World
from terrella.world.ports import check_ports
from terrella.world.region_view import HELD_DOWN, OUTSIDE

if TYPE_CHECKING:
    from terrella.world.supervisor import Supervisor

_POLL_S = 0.2
_DECIDING_TIMEOUT_S = 30.0
EXAMPLE = """\
{path} has no region {name}. Write it there, then ask again; for example:

regions:
{others}  {name}: {{azs: 2}}
"""


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a region that is added will be."""

    settings: RegionSettings
    ordinal: int
    links: dict[tuple[str, str], Link]


class WorldMembership:
    """Asks the regions to decide, and starts and stops processes by what they have decided."""

    def __init__(self, supervisor: "Supervisor") -> None:
        self._supervisor = supervisor
        self._retiring: dict[str, asyncio.Task[None]] = {}

    # what the operator asks for

    async def add(self, name: str) -> dict[str, Any]:
        """A region of ``world.yaml`` becomes part of the running world; one that was evicted comes back."""
        supervisor = self._supervisor
        if name in self._retiring:
            raise TerrellaError(f"{name} is leaving; it can be added again when it is gone")
        fresh = load_world(supervisor.world.path)
        require_region(fresh, name)
        place = self._place(name, fresh, await self._membership())
        if name not in supervisor.views:
            check_ports(replace(fresh, regions={name: place.settings}), front_door=False)
        body = told_region(name, place.ordinal, place.settings, place.links)
        answer: dict[str, Any] = await self._ask(lambda control: control.post("/_terrella/membership/add", body), name)
        if name not in supervisor.views:
            supervisor.take_in(name, place.settings, place.links)
            supervisor.tell(Mood.NEWS, name, "is added to the world, and started")
        else:
            if supervisor.views[name].state == HELD_DOWN:
                await supervisor.restore(name)
            supervisor.tell(Mood.NEWS, name, "is added to the world again")
        return {"region": name, "address": place.settings.address, **answer}

    async def remove(self, name: str, *, force: bool) -> dict[str, Any]:
        """A region hands on what it holds, and its process is stopped when it has gone."""
        supervisor = self._supervisor
        if name in supervisor.views and not supervisor.views[name].reachable:
            raise TerrellaError(
                f"{name} is {supervisor.views[name].state}: it cannot hand on what it holds. terrella restore {name}"
                f" brings it back for that; if it is gone for good: terrella region evict {name}"
            )
        body = {"name": name, "force": force}
        answer: dict[str, Any] = await self._ask(
            lambda control: control.post("/_terrella/membership/remove", body), name
        )
        if name in supervisor.views and name not in self._retiring:
            task = asyncio.create_task(self._retire(name), name=f"retire {name}")
            self._retiring[name] = task
            task.add_done_callback(lambda _: self._retiring.pop(name, None))
            supervisor.tell(Mood.NEWS, name, "is to leave: clients are sent elsewhere, then it hands on what it holds")
        return {"region": name, **answer}

    async def evict(self, name: str, *, force: bool) -> dict[str, Any]:
        """A region that is gone stops counting. What only it holds is lost, unless it is added again."""
        body = {"name": name, "force": force}
        answer: dict[str, Any] = await self._ask(
            lambda control: control.post("/_terrella/membership/evict", body, _DECIDING_TIMEOUT_S), name
        )
        how = "without a majority" if answer.get("forced") else "by a majority"
        self._supervisor.tell(Mood.BAD, name, f"was evicted {how}; terrella region add {name} brings it back")
        return {"region": name, **answer}

    async def members(self) -> dict[str, Any]:
        """Control state as a region holds it, and where each region's process is."""
        told = await self._membership()
        views = self._supervisor.views
        return {
            **told,
            "processes": {name: {"state": view.state, "pid": view.keeper.pid} for name, view in views.items()},
            "in_file": list(self._supervisor.world.regions),
        }

    async def add_outsiders(self) -> None:
        """Regions that ``world.yaml`` has gained since the world last ran are what its author wants in it."""
        for name, view in list(self._supervisor.views.items()):
            if view.state == OUTSIDE:
                try:
                    await self.add(name)
                except TerrellaError as error:
                    self._supervisor.tell(Mood.BAD, name, f"is in world.yaml and no part of the world yet: {error}")

    def expects_the_end_of(self, name: str) -> bool:
        """Whether a region's process is to end, and not to be started again."""
        return name in self._retiring

    async def close(self) -> None:
        """Wait for nothing any more."""
        tasks = list(self._retiring.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    # parts

    async def _retire(self, name: str) -> None:
        """Wait until the others say that it has left, then stop it."""
        while True:
            await asyncio.sleep(_POLL_S)
            try:
                state = (await self._membership(name))["state"]
            except TerrellaError:
                continue
            if name not in state["regions"]:
                break
        await self._supervisor.let_go(name)
        self._supervisor.tell(
            Mood.NEWS, name, "has left the world; take it out of world.yaml, or the next terrella up starts it again"
        )

    def _place(self, name: str, fresh: World, membership: dict[str, Any]) -> _Place:
        """Its place in ``world.yaml``, unless a region that runs is there: the file may have lost one before it."""
        supervisor = self._supervisor
        settings = fresh.regions[name]
        regions = membership["state"]["regions"]
        ordinal = list(fresh.regions).index(name) + 1
        known = supervisor.world.regions.get(name)
        if known is not None and name in supervisor.views:
            settings = replace(settings, address=known.address)
        taken = {one.address for other, one in supervisor.world.regions.items() if other != name}
        taken |= {one["address"] for other, one in regions.items() if other != name}
        ordinals = {one["ordinal"] for other, one in regions.items() if other != name}
        free = (number for number in range(1, 255) if number not in ordinals and fresh.address_of(number) not in taken)
        if settings.address in taken:
            settings = replace(settings, address=fresh.address_of(next(free)))
        if ordinal in ordinals:
            ordinal = max(ordinals) + 1
        links = {pair: link for pair, link in fresh.links.items() if name in pair}
        return _Place(settings, ordinal, links)

    async def _membership(self, but: str = "") -> dict[str, Any]:
        told: dict[str, Any] = await self._ask(lambda control: control.get("/_terrella/membership"), but)
        return told

    async def _ask(self, question: Callable[[ControlClient], Awaitable[Any]], but: str) -> Any:
        """Ask a region that can be reached, another than ``but`` if there is one."""
        supervisor = self._supervisor
        names = [name for name, view in supervisor.views.items() if view.reachable and name != but]
        if not names:
            raise TerrellaError(f"no {'other ' if but else ''}region can be reached")
        return await question(supervisor.control(names[0]))


def require_region(world: World, name: str) -> None:
    """Raises ``TerrellaError`` with what to write, if the world's file lacks a region."""
    if name not in world.regions:
        others = "".join(f"  {each}: …\n" for each in world.regions)
        raise TerrellaError(EXAMPLE.format(path=world.path, name=name, others=others).rstrip())


def told_region(
    name: str, ordinal: int, settings: RegionSettings, links: Mapping[tuple[str, str], Link]
) -> dict[str, Any]:
    """A region as ``membership/add`` takes it."""
    return {
        "name": name,
        "ordinal": ordinal,
        "address": settings.address,
        "azs": list(settings.azs),
        "parameters": dict(settings.parameters),
        "links": {f"{a} -> {b}": msgspec.to_builtins(link) for (a, b), link in links.items()},
    }
