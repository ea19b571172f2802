"""The lane ``sync`` of one region: its groups, the ways to the other regions, and its door for clients."""

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Coroutine
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any, TypeVar, cast

from terrella.journal.errors import JournalError, ProtocolError, StoreUnavailableError
from terrella.journal.journal import Journal
from terrella.journal.model import Lane
from terrella.journal.protocol import PROTOCOL, SyncHello
from terrella.journal.raft import Role, Timing
from terrella.journal.store import Store
from terrella.journal.sync.clients import GroupClients
from terrella.journal.sync.founding import region_of
from terrella.journal.sync.frames import (
    Frame,
    GroupMessage,
    Introduction,
    Ping,
    Pong,
    SnapshotHead,
    SnapshotTaken,
    Unpacker,
    pack,
)
from terrella.journal.sync.group import SyncGroup
from terrella.journal.sync.links import Link
from terrella.journal.sync.status import GroupStatus, MemberStatus
from terrella.journal.sync.transfers import Arriving, send_state
from terrella.journal.transaction import Transaction
from terrella.kernel import Clock, Connector, Ids

_log = logging.getLogger(__name__)
T = TypeVar("T")

TICK_S = 0.2
LIVES_REMEMBERED = 16
INTRODUCE_EVERY_TICKS = 10
PINGS_KEPT = 8
_READ_BYTES = 65536
_REMEMBERED = "select region, incarnation from raft_peers order by seen"
_REMEMBER = "insert into raft_peers (region, incarnation) values (?, ?)"
_FORGET = "delete from raft_peers where region = ? and incarnation = ?"
_LOST = "select value from meta where name = 'lost_lives'"
_SET_LOST = "insert or replace into meta values ('lost_lives', ?)"


class SyncLane:
    """Holds a group for each declared data set of the lane, from ``start`` until ``stop``. The journal's ``Quorum``."""

    def __init__(
        self, journal: Journal, connector: Connector, port: int, clock: Clock, ids: Ids, world: str = ""
    ) -> None:
        self._journal = journal
        self._store = journal.store
        self._connector = connector
        self._port = port
        self._clock = clock
        self._ids = ids
        self._world = world
        self._groups: dict[str, SyncGroup] = {}
        self._clients: dict[str, GroupClients] = {}
        self._opening: set[str] = set()
        self._links: dict[str, Link] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._transfers: dict[tuple[str, str], asyncio.Task[None]] = {}
        self._remembered: dict[str, list[str]] = {}
        for region, incarnation in self._store.rows(_REMEMBERED):
            self._remembered.setdefault(region, []).append(incarnation)
        self._lost_lives: set[str] = set((self._store.ask(_LOST) or "").split())
        self._verified: set[str] = set()
        self._remembering = asyncio.Lock()
        self._pings: dict[str, tuple[int, float]] = {}
        self._round_trips_s: dict[str, deque[float]] = {}
        self._ticker: asyncio.Task[None] | None = None
        self._background: set[asyncio.Task[None]] = set()
        self._running = False
        journal.quorum = self
        journal.on_change(self.review)

    def start(self) -> None:
        """Begin to take part."""
        self._running = True
        self._ticker = asyncio.create_task(self._tick())
        self.review()

    async def stop(self) -> None:
        """Take no more part, and close every connection."""
        self._running = False
        tasks = [*self._tasks.values(), *self._transfers.values(), *self._background]
        tasks += [self._ticker] if self._ticker is not None else []
        for group in self._groups.values():
            group.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._groups.clear()
        self._clients.clear()
        self._links.clear()
        self._tasks.clear()

    # for clients

    async def write(self, data_set_id: str, judge: Callable[[Transaction], T]) -> T:
        """See ``Journal.write``."""
        return cast("T", await self._clients_of(data_set_id).write(judge))

    async def catch_up(self, data_set_id: str) -> None:
        """Return when all that was acknowledged anywhere before the call can be read here."""
        self._store.catalog.serving(data_set_id, writing=False)
        await self._clients_of(data_set_id).catch_up()

    def _clients_of(self, data_set_id: str) -> GroupClients:
        clients = self._clients.get(data_set_id)
        if clients is None:
            raise StoreUnavailableError(f"data set {data_set_id}: its group does not run here; nothing was written")
        return clients

    def group(self, data_set_id: str) -> SyncGroup | None:
        """A data set's group, if it runs here."""
        return self._groups.get(data_set_id)

    # which groups, which regions

    def review(self) -> None:
        """After something was declared, changed or dropped: open and close groups and ways."""
        if not self._running:
            return
        wanted = {
            data_set_id: state
            for data_set_id, state in self._store.catalog.data_sets.items()
            if state.definition.lane is Lane.SYNC and state.declared
        }
        if not wanted and not self._groups:
            return
        for data_set_id in self._groups.keys() - wanted.keys():
            self._groups.pop(data_set_id).close()
            del self._clients[data_set_id]
        for data_set_id, state in wanted.items():
            group = self._groups.get(data_set_id)
            if group is not None:
                group.definition = state.definition
            elif data_set_id not in self._opening:
                self._opening.add(data_set_id)
                self._do(self._open(data_set_id))
        regions: set[str] = set().union(*(group.regions for group in self._groups.values()))
        for region in regions - self._links.keys():
            link = Link(region, self._connector, self._port, self._ids, partial(self._hello, region))
            link.on_connected = self._connected
            self._links[region] = link
            self._tasks[region] = asyncio.create_task(link.run())
        for region in self._links.keys() - regions:
            del self._links[region]
            self._tasks.pop(region).cancel()

    async def _open(self, data_set_id: str) -> None:
        try:
            state = self._store.catalog.declared(data_set_id)
            timing = Timing.for_distance(self._round_trip_s(frozenset(state.definition.holders)))
            group = SyncGroup(self._journal, state, self._clock, self._ids, self, timing)
            await group.open()
            if self._running:
                self._groups[data_set_id] = group
                self._clients[data_set_id] = GroupClients(group, self._journal, self._clock, self._ids)
        finally:
            self._opening.discard(data_set_id)
        self.review()
        group.introduce()

    def poke(self, region: str | None = None) -> None:
        """Try a region again at once (all: None)."""
        for name, link in self._links.items():
            if region is None or name == region:
                link.poke()

    # Company: what groups ask of it

    def send(self, region: str, content: Frame) -> None:
        """Say something to a region."""
        link = self._links.get(region)
        if link is not None and link.connected:
            link.send(content)

    def begin_snapshot(self, group: SyncGroup, member: str) -> None:
        """Transfer a group's state to a member."""
        link = self._links.get(region_of(member))
        key = (group.data_set_id, member)
        if link is None or key in self._transfers:
            return
        number = self._store.catalog.data_sets[group.data_set_id].number
        path = Path(self._store.connection.filename)
        task = asyncio.create_task(send_state(group, member, link, path, number, self._clock))
        self._transfers[key] = task
        task.add_done_callback(lambda _done: self._transfers.pop(key, None))

    def verified(self, regions: frozenset[str]) -> bool:
        """Whether each of these has said what it remembers of this region, and that is no more than is here."""
        return regions <= self._verified

    # connections

    def _hello(self, region: str) -> SyncHello:
        return SyncHello(
            PROTOCOL,
            self._world,
            self._store.region,
            region,
            self._store.incarnation,
            self._remembered.get(region, []),
        )

    def _connected(self, region: str) -> None:
        for group in self._groups.values():
            group.introduce(region)

    async def serve(
        self,
        hello: SyncHello,
        begun: bytes,
        reader: asyncio.StreamReader,
        answer: Callable[[bytes], None],
        proven: frozenset[str] | None,
    ) -> None:
        """Listen to a region until it ends the connection; raises ``ProtocolError`` if it may not speak."""
        region = hello.from_region
        self._check(hello, proven)
        await self._remember(hello)
        self._verified.add(region)
        if region in self._links:
            self._links[region].poke()
        frames = Unpacker(begun)
        arriving: Arriving | None = None
        data = b""
        try:
            while True:
                for content in frames.feed(data):
                    if isinstance(content, SnapshotHead):
                        arriving = Arriving(content)
                    elif arriving is None:
                        self._receive(region, content)
                    elif arriving.receive(content):
                        answer(pack(SnapshotTaken(arriving.spool.parts)))
                        await self._arrived(region, arriving)
                data = await reader.read(_READ_BYTES)
                if not data:
                    return
        finally:
            if arriving is not None:
                arriving.spool.close()

    def _check(self, hello: SyncHello, proven: frozenset[str] | None) -> None:
        region = hello.from_region
        if hello.protocol != PROTOCOL:
            raise ProtocolError(f"{region} speaks version {hello.protocol} of the protocol; this region {PROTOCOL}")
        if (hello.world, hello.to_region) != (self._world, self._store.region):
            raise ProtocolError(
                f"{region} is of world {hello.world!r} and looks for {hello.to_region}; "
                f"this is {self._store.region} of world {self._world!r}"
            )
        if proven is not None and region not in proven:
            raise ProtocolError(f"{region} is not whom its certificate names")
        if not self._running or region not in self._links:
            raise ProtocolError(f"{region} belongs to no group of this region's")

    async def _remember(self, hello: SyncHello) -> None:
        """Before anything of a region's opening counts, that opening is written down; so it cannot be forgotten."""
        region = hello.from_region
        async with self._remembering:
            lost = {life for life in hello.remembered if life not in self._lost_lives and not self._is_own(life)}
            if lost:
                for group in list(self._groups.values()):
                    if not group.fresh:
                        await group.begin_again()
                lives = " ".join(sorted(self._lost_lives | lost))
                await self._write(lambda store: store.execute(_SET_LOST, (lives,)))
                self._lost_lives |= lost
            known = self._remembered.setdefault(region, [])
            if hello.incarnation not in known:
                await self._write(lambda store: store.execute(_REMEMBER, (region, hello.incarnation)))
                known.append(hello.incarnation)
                for forgotten in known[:-LIVES_REMEMBERED]:
                    await self._write(partial(_forget_life, region, forgotten))
                    known.remove(forgotten)

    def _is_own(self, incarnation: str) -> bool:
        return bool(self._store.ask("select 1 from incarnations where incarnation = ?", (incarnation,)))

    async def _write(self, change: Callable[[Store], object]) -> None:
        def step(store: Store) -> bool:
            change(store)
            return False

        await self._journal.committer.step(step)

    def _receive(self, region: str, content: Frame) -> None:
        if isinstance(content, GroupMessage):
            group = self._groups.get(content.data_set_id)
            if group is not None:
                group.receive(region, content.message)
        elif isinstance(content, Introduction):
            group = self._groups.get(content.data_set_id)
            if group is not None:
                group.introduced(region, content)
        elif isinstance(content, Ping):
            self.send(region, Pong(content.number))
        elif isinstance(content, Pong):
            self._ponged(region, content.number)
        else:
            raise ProtocolError(f"{type(content).__name__} outside a snapshot")

    async def _arrived(self, region: str, arriving: Arriving) -> None:
        group = self._groups.get(arriving.head.data_set_id)
        if group is not None and region_of(arriving.head.leader) == region:
            await group.take_over(arriving.message, arriving.spool)

    # time

    async def _tick(self) -> None:
        for number in count(1):
            await asyncio.sleep(TICK_S)
            for group in self._groups.values():
                if group.node is None or number % INTRODUCE_EVERY_TICKS == 0:
                    group.introduce()
            if number % (INTRODUCE_EVERY_TICKS // 2) == 0:
                self._measure(number)

    def _measure(self, number: int) -> None:
        now = self._clock.monotonic()
        for region in self._links:
            self._pings[region] = (number, now)
            self.send(region, Ping(number))
        for group in self._groups.values():
            group.retime(Timing.for_distance(self._round_trip_s(group.regions)))

    def _ponged(self, region: str, number: int) -> None:
        sent = self._pings.get(region)
        if sent is not None and sent[0] == number:
            known = self._round_trips_s.setdefault(region, deque(maxlen=PINGS_KEPT))
            known.append(self._clock.monotonic() - sent[1])

    def _round_trip_s(self, regions: frozenset[str]) -> float:
        """The longest to any of these, as the quickest of the last few showed; a guess before there are any."""
        known = [min(self._round_trips_s[region]) for region in regions if self._round_trips_s.get(region)]
        return max(known, default=0.1)

    def _do(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._background.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: "asyncio.Task[None]") -> None:
        self._background.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            level = logging.INFO if isinstance(error, JournalError) else logging.ERROR
            _log.log(level, "the lane sync: %s", error, exc_info=level == logging.ERROR)

    # what it says of itself

    def status(self) -> dict[str, GroupStatus]:
        """Every group, by data set."""
        return {data_set_id: self._status(group) for data_set_id, group in self._groups.items()}

    def _status(self, group: SyncGroup) -> GroupStatus:
        node, now = group.node, self._clock.monotonic()
        definition = group.definition
        state = self._store.catalog.data_sets[group.data_set_id]
        witness = group.is_witness
        leader = None if node is None or node.leader is None else region_of(node.leader)
        return GroupStatus(
            data_set_id=group.data_set_id,
            name=definition.name,
            member=group.member,
            role="unfounded" if node is None else node.role.value,
            leader=leader,
            term=0 if node is None else node.term,
            commit=0 if node is None else node.commit,
            applied=0 if node is None else node.applied,
            log_first=0 if node is None else node.log.start.index + 1,
            log_last=0 if node is None else node.log.last_index,
            witness=witness,
            serving=node is not None and not witness and state.committed_join is None and group.failure is None,
            members=_members(group, now),
            waiting_for=group.waiting_for,
            proposals_under_way=group.waiting.proposals,
            snapshot=group.snapshot,
            failure=group.failure,
        )


def _members(group: SyncGroup, now: float) -> tuple[MemberStatus, ...]:
    node = group.node
    if node is None:
        return ()
    configuration = node.configuration
    members = []
    for member in configuration.everyone:
        progress = node.progress.get(member) if node.role is Role.LEADER else None
        heard = node.heard_leader_at if member == node.leader and member != node.id else float("-inf")
        if progress is not None and member != node.id:
            heard = progress.last_heard
        ago = (now - heard) * 1000 if heard > float("-inf") else None
        part = "voter" if member in configuration.voters else "learner"
        members.append(
            MemberStatus(
                id=member,
                region=region_of(member),
                part="witness" if member in configuration.witnesses else part,
                match=progress.match if progress is not None else None,
                behind=node.log.last_index - progress.match if progress is not None else None,
                last_contact_ms_ago=ago,
            )
        )
    return tuple(members)


def _forget_life(region: str, incarnation: str, store: Store) -> None:
    store.execute(_FORGET, (region, incarnation))
