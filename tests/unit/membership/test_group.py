"""The regions' group over a network in memory and stores on the disk: it decides, survives, and can be forced."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from terrella.journal import Journal, raft
from terrella.kernel import SystemClock, SystemIds, TerrellaError
from terrella.region.membership import (
    AddRegion,
    ControlGroup,
    EvictRegion,
    MembershipKeeper,
    MembershipState,
    NoMajorityError,
    OutcomeUndecidedError,
    RefusedError,
    RegionJoined,
    Register,
    WorldRegion,
    first_state,
)

A, B, C, D = "us-east-1", "us-west-2", "eu-west-1", "ap-south-1"
TIMING = raft.Timing(heartbeat_s=0.02, election_min_s=0.1, election_spread_s=0.1)
PATIENCE_S = 60


class Network:
    """Regions by name; ``cut`` ones neither hear nor are heard."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.members: dict[str, Member] = {}
        self.cut: set[str] = set()
        self.said: list[dict[str, str]] = []

    async def up(self, name: str, state: MembershipState) -> "Member":
        """Start a region, from its disk if it has one."""
        journal = await Journal.open(self.directory / f"{name}.sqlite", name, SystemClock(), SystemIds())
        member = Member(self, name, journal, state)
        await member.start()
        self.members[name] = member
        return member

    async def until(self, condition: Callable[[], object]) -> None:
        """Wait until it holds."""
        async with asyncio.timeout(PATIENCE_S):
            while not condition():  # noqa: ASYNC110 - the groups have no event for everything
                await asyncio.sleep(0.01)


class Member:
    """One region: its keeper, and its part in the group."""

    def __init__(self, network: Network, name: str, journal: Journal, state: MembershipState) -> None:
        self.network = network
        self.name = name
        self.journal = journal
        self.keeper = MembershipKeeper(name, state, journal, SystemIds(), self._ask)
        self.group: ControlGroup
        self._task: asyncio.Task[None]

    async def _ask(self, _region: str, _method: str, _path: str, _body: dict[str, Any]) -> Any:
        raise ConnectionError("nobody is asked here")

    async def start(self) -> None:
        await self.keeper.start()
        await self.keeper.settle()
        self.join()

    def join(self) -> None:
        """Take part in the group of the fork that is held now."""
        self.group = ControlGroup(self.name, self.keeper, self._send, SystemClock(), SystemIds(), TIMING)
        self.keeper.attach(self.group)
        self._task = asyncio.create_task(self.group.run())

    async def leave(self) -> None:
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    async def _send(self, receiver: str, body: dict[str, str]) -> None:
        other = self.network.members.get(receiver)
        if other is None or {self.name, receiver} & self.network.cut:
            raise ConnectionError("cut")
        self.network.said.append(body)
        other.group.receive(body["fork"], body["data"], self.name)

    async def down(self) -> None:
        await self.leave()
        await self.journal.close()
        del self.network.members[self.name]

    @property
    def version(self) -> int:
        return self.keeper.current.version


def region(name: str) -> WorldRegion:
    number = (A, B, C, D).index(name) + 1
    return WorldRegion(name, number, f"127.0.{number}.1", (f"{name}a",))


def add(name: str) -> AddRegion:
    one = region(name)
    return AddRegion(name, one.ordinal, one.address, one.azs)


def lose_disk(directory: Path, name: str) -> None:
    for file in directory.glob(f"{name}.sqlite*"):
        file.unlink()


@asynccontextmanager
async def world(directory: Path, *names: str) -> AsyncIterator[Network]:
    """Regions that have just been started for the first time."""
    network = Network(directory)
    first = first_state("w", [region(name) for name in names])
    try:
        for name in names:
            await network.up(name, first)
        yield network
    finally:
        for member in list(network.members.values()):
            await member.down()


async def test_what_one_asks_for_all_hear_of(tmp_path: Path) -> None:
    async with world(tmp_path, A, B, C) as network:
        await network.members[B].keeper.decide(Register("t", "items", (A, B, C)))
        await network.until(lambda: all(member.version == 1 for member in network.members.values()))
        assert network.members[C].keeper.majority_reachable
        with pytest.raises(RefusedError, match="is no region of this world"):
            await network.members[C].keeper.decide(RegionJoined(D))
        assert len({member.keeper.current.groups["t"].epoch for member in network.members.values()}) == 1


async def test_no_region_speaks_in_the_name_of_another(tmp_path: Path) -> None:
    async with world(tmp_path, A, B, C) as network:
        await network.members[B].keeper.decide(Register("t", "items", (A, B, C)))
        said = next(body for body in network.said if body["fork"] == network.members[A].group.fork)
        with pytest.raises(TerrellaError, match=f"{D} speaks in the name of "):
            network.members[A].group.receive(said["fork"], said["data"], D)


async def test_a_region_that_is_started_again_knows_what_was_decided(tmp_path: Path) -> None:
    async with world(tmp_path, A, B, C) as network:
        await network.members[A].keeper.decide(Register("t", "items", (A, B, C)))
        for name in (A, B, C):
            await network.members[name].down()
        for name in (A, B, C):
            await network.up(name, first_state("w", [region(A)]))
        assert network.members[A].version == 1
        await network.members[A].keeper.decide(Register("u", "others", (A,)))
        await network.until(lambda: all(member.version == 2 for member in network.members.values()))


async def test_a_region_that_joins_learns_and_then_votes(tmp_path: Path) -> None:
    async with world(tmp_path, A, B) as network:
        for number in range(100):  # far more than the log keeps
            await network.members[A].keeper.decide(Register(f"t{number}", "items", (A, B)))
        await network.members[A].keeper.decide(add(C))
        await network.up(C, network.members[A].keeper.current)
        await network.members[A].keeper.decide(RegionJoined(C))
        voters = tuple(sorted((A, B, C)))
        await network.until(lambda: all(m.group.node.configuration.voters == voters for m in network.members.values()))
        await network.members[B].down()
        await network.members[C].keeper.decide(Register("u", "others", (A,)))
        assert network.members[C].version == 103


async def test_without_a_majority_nothing_is_decided_unless_it_is_forced(tmp_path: Path) -> None:
    async with world(tmp_path, A, B) as network:
        await network.members[A].keeper.decide(Register("t", "items", (A, B)))
        await network.until(lambda: network.members[B].version == 1)
        await network.members[B].down()
        alone = network.members[A]
        await network.until(lambda: not alone.keeper.majority_reachable)
        with pytest.raises((NoMajorityError, OutcomeUndecidedError)):
            await alone.keeper.decide(EvictRegion(B))
        await alone.keeper.force(EvictRegion(B))
        await alone.leave()
        alone.join()
        await alone.keeper.decide(Register("u", "others", (A,)))
        assert alone.keeper.current.generation == 1
        assert set(alone.keeper.current.groups) == {"t", "u"}

        back = await network.up(B, first_state("w", [region(A), region(B)]))
        assert back.version == 1
        assert not back.keeper.majority_reachable
        assert await back.keeper.adopt(alone.keeper.current)
        assert B in back.keeper.current.former


async def test_a_region_that_lost_its_disk_votes_again_once_it_has_the_log(tmp_path: Path) -> None:
    async with world(tmp_path, A, B, C) as network:
        for number in range(3):
            await network.members[A].keeper.decide(Register(f"t{number}", "items", (A, B, C)))
        held = network.members[A].keeper.current
        await network.members[C].down()
        lose_disk(tmp_path, C)
        blank = await network.up(C, held)
        assert blank.group.node.applied == 0
        await network.until(lambda: blank.group.node.applied > 0)
        await network.members[A].down()
        await network.until(lambda: blank.keeper.majority_reachable)
        await blank.keeper.decide(Register("u", "others", (B,)))
        assert blank.version == 4
