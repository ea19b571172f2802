"""Regions without sockets or threads: stores on simulated disks, the cores of their connections, and a seed.

A *step* is one message that arrives, one batch, or one look at what is due; whoever drives decides which comes next,
and may crash a region before or after any batch.
"""

import random
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from functools import partial

from terrella.journal import (
    Admission,
    Apply,
    CommittedState,
    Conflict,
    DataSet,
    Effect,
    FrameReader,
    Indexer,
    JournalError,
    Message,
    Origin,
    Perform,
    ProtocolError,
    Puller,
    PullServer,
    Reader,
    RemoteSlice,
    Send,
    SnapshotSource,
    SnapshotTaker,
    Sources,
    StandingChange,
    Store,
    StoreSource,
    StoreTarget,
    Transaction,
    Vector,
    declaring,
    frame,
    housekeeping,
    memory_connection,
)
from terrella.journal.admission import Heads
from terrella.journal.draining import Drained, Drainer, HeldByMembers, held_by_members
from terrella.journal.joining import StartWork
from terrella.journal.pulling import Work
from terrella.journal.state import DataSetState
from terrella.testing import ManualClock, SeededIds

WORLD = "nodes"


class CrashError(Exception):
    """The region has lost what was not on its disk."""


class Node:
    """One region: a disk that outlives it, and what runs on it."""

    def __init__(self, name: str, chance: random.Random, clock: ManualClock, indexer: Indexer | None = None) -> None:
        self.name = name
        self.chance = chance
        self.clock = clock
        self.disk = memory_connection()
        self.ids = SeededIds(chance.getrandbits(32))
        self.indexer = indexer
        self.definitions: list[DataSet] = []
        self.told: list[StandingChange] = []
        self.drained: list[str] = []
        self.crash_at: Callable[[], bool] = lambda: False
        self.always_hurry = False
        self.open()

    def open(self) -> None:
        """As after a crash: what was not committed is gone."""
        if self.disk.in_transaction:
            self.disk.execute("rollback")
        self.store = Store(self.disk, self.name, self.clock, self.ids)
        self.store.tombstone_grace_ms = 0
        self.reader = Reader(self.disk, self.store)
        self.state = CommittedState(self.store, self.reader, self.clock)
        self.sources = Sources(self.state)
        self.claims: dict[str, SnapshotTaker[StartWork]] = {}
        self.admission = Admission(self.store, self.told.append)
        self.waiting: deque[tuple[Work, Callable[[object], None]]] = deque()
        for definition in self.definitions:
            self._declare(definition)

    def lose_disk(self) -> None:
        """The region begins anew, with nothing but its name."""
        self.disk = memory_connection()
        self.open()

    def declare(self, definition: DataSet) -> None:
        self.definitions = [definition]
        self._declare(definition)

    def _declare(self, definition: DataSet) -> None:
        indexes = {"first": "1"} if self.indexer else None
        self.store.begin()
        for _ in declaring(self.store, definition, self.indexer, indexes):
            pass
        self._commit()

    def set_members(self, epoch: int, members: Sequence[str], joining: Sequence[str] = ()) -> None:
        self.batch(lambda: self.store.set_members(self.data_set, epoch, members, joining))

    @property
    def data_set(self) -> DataSetState:
        return self.store.catalog.declared(self.definitions[0].id)

    def keep_house(self) -> None:
        """Acknowledge, and drop the tombstones that may go."""
        self.batch(lambda: [None for _ in housekeeping(self.store)])

    def keep_house_sometimes(self) -> None:
        if self.definitions and not self.chance.randrange(3):
            self.keep_house()

    def put(self, key: bytes, value: bytes | None) -> None:
        """A client's put, or delete (None)."""
        data_set_id = self.definitions[0].id

        def write() -> None:
            transaction = Transaction(self.store)
            if value is None:
                transaction.delete(data_set_id, key)
            else:
                transaction.put(data_set_id, key, value)
            transaction.apply()

        self.batch(write)

    def batch(self, act: Callable[[], object]) -> None:
        self.store.begin()
        act()
        self._commit()

    def work(self) -> bool:
        """One batch of what waits, which may be only a part of the first piece of work; False if nothing waits."""
        if not self.waiting:
            return False
        work, done = self.waiting[0]
        hurry = self.always_hurry or self.chance.random() < 0.5
        self.store.begin()
        finished = work.run(self.store, lambda: hurry)
        if self.crash_at():
            raise CrashError
        self._commit()
        if self.crash_at():
            raise CrashError
        if finished:
            self.waiting.popleft()
            done(work.outcome())
        return True

    def _commit(self) -> None:
        self.store.flush()
        self.store.commit()
        self.store.committed()
        self.state.refresh()

    def items(self) -> list[tuple[bytes, bytes]]:
        return [
            (e.key, e.version.value or b"") for e in self.reader.scan(self.data_set, None, None, False, False, 10**6)
        ]

    def indexed(self) -> list[tuple[bytes, bytes]]:
        found = self.reader.scan_index(self.data_set, "first", None, None, False, False, 10**6)
        return sorted((entry.key, entry.index_key) for entry in found)

    def conflicts(self) -> list[Conflict]:
        return self.reader.conflicts(self.data_set, 10**6)

    def digest(self) -> str:
        return self.reader.digest(self.data_set)

    def vector(self) -> Vector:
        return self.data_set.vector


class Link:
    """One connection from ``client`` to ``server``: both cores, and what is under way between them."""

    def __init__(self, client: Node, server: Node, peers: Iterable[str], rows_max: int, held: HeldByMembers) -> None:
        self.client, self.server = client, server
        taker = SnapshotTaker(StoreTarget(client.store), client.claims)
        source = SnapshotSource(StoreSource(server.store, server.reader, rows_max, 10_000))
        drainer = Drainer(client.store, held, lambda _data_set_id, region: client.drained.append(region))
        drained = Drained(lambda work, done: server.waiting.append((work, done)))
        self.puller = Puller(client.state, WORLD, server.name, client.sources, [drainer, taker])
        self.pull_server = PullServer(server.state, WORLD, frozenset(peers) - {server.name}, [source, drained])
        self.ways: dict[bool, deque[bytes]] = {True: deque(), False: deque()}
        self.frames = {True: FrameReader(), False: FrameReader()}
        self.alive = True
        self.do(self.puller.start(self.now))

    @property
    def now(self) -> float:
        return self.client.clock.monotonic()

    def do(self, effects: Sequence[Effect]) -> None:
        for effect in effects:
            if isinstance(effect, Send):
                self.ways[True].append(frame(effect.message))
            elif isinstance(effect, Perform):
                self.client.waiting.append((effect.work, partial(self._performed, effect)))
            elif isinstance(effect, Apply):
                records = effect.records
                origin = (records.region, records.incarnation)
                work = RemoteSlice(records.data_set_id, origin, records.first, records.records)
                self.client.waiting.append((work, lambda _outcome: None))

    def _performed(self, effect: Perform, outcome: object) -> None:
        if self.alive:
            self.do(effect.done(outcome, self.now))

    def close(self) -> None:
        self.alive = False
        self.puller.closed(self.now)

    def deliver(self, to_server: bool) -> bool:
        """One message arrives; False if none is under way."""
        if not self.ways[to_server]:
            return False
        for message in self.frames[to_server].feed(self.ways[to_server].popleft()):
            self._hear(to_server, message)
        return True

    def _hear(self, to_server: bool, message: Message) -> None:
        if to_server:
            self.pull_server.receive(message, self.now)
        else:
            self.do(self.puller.receive(message, self.now))

    def serve(self) -> bool:
        """The server says one thing; False if it has nothing to say."""
        message = self.pull_server.next(self.now)
        if message is not None:
            self.ways[False].append(frame(message))
        return message is not None

    def look(self) -> bool:
        self.do(self.puller.changed(self.now))
        return True


class Cluster:
    """Several regions and a connection for each ordered pair of them that is to have one."""

    def __init__(self, seed: int, names: Sequence[str], rows_max: int = 3, indexer: Indexer | None = None) -> None:
        self.chance = random.Random(seed)
        self.clock = ManualClock()
        self.rows_max = rows_max
        self.nodes = {name: Node(name, self.chance, self.clock, indexer) for name in names}
        self.links: dict[tuple[str, str], Link] = {}
        self.cut: set[frozenset[str]] = set()

    def connect(self) -> None:
        """Every pair that is not cut has its two connections."""
        for client in self.nodes:
            for server in self.nodes:
                pair = (client, server)
                if client != server and pair not in self.links and frozenset(pair) not in self.cut:
                    ends = self.nodes[client], self.nodes[server]
                    held = partial(self._held_by_members, ends[0])
                    self.links[pair] = Link(*ends, self.nodes, self.rows_max, held)

    def disconnect(self, one: str, other: str) -> None:
        """Both connections of a pair end; what was handed to the stores is still done."""
        for pair in ((one, other), (other, one)):
            link = self.links.pop(pair, None)
            if link is not None:
                link.close()

    def crash(self, name: str) -> None:
        for pair in [pair for pair in self.links if name in pair]:
            self.links.pop(pair).close()
        self.nodes[name].open()

    def step(self) -> None:
        """One thing happens, whichever chance picks."""
        self.clock.advance(0.01)
        link = self.chance.choice(list(self.links.values()))
        deeds: list[Callable[[], object]] = [
            lambda: self._over(link, link.serve),
            lambda: self._over(link, link.serve),
            lambda: self._over(link, lambda: link.deliver(True)),
            lambda: self._over(link, lambda: link.deliver(False)),
            lambda: self._work(link.client),
            lambda: self._work(link.client),
            lambda: self._over(link, link.look),
            link.client.keep_house_sometimes,
        ]
        self.chance.choice(deeds)()

    def _over(self, link: Link, act: Callable[[], bool]) -> bool:
        """Do something over a connection; one that is refused ends."""
        if not link.alive:
            return False
        try:
            return act()
        except ProtocolError:
            self.links.pop((link.client.name, link.server.name))
            link.close()
            return False

    def settle(self, done: Callable[[], bool]) -> None:
        """Everything that can happen does, for up to five minutes, until all is done that is waited for."""
        for _ in range(1200):
            self.clock.advance(0.25)
            self.connect()
            for link in list(self.links.values()):
                while self._over(link, partial(link.deliver, True)) or self._over(link, partial(link.deliver, False)):
                    pass
                self._over(link, link.look)
                for _ in range(50):
                    if not self._over(link, link.serve):
                        break
            for node in list(self.nodes.values()):
                while node.waiting:
                    self._work(node)
                self.look(node)
                if node.definitions and not self.chance.randrange(4):
                    node.keep_house()
            if done() and not any(node.waiting for node in self.nodes.values()):
                return

    def agree(self, names: Iterable[str]) -> bool:
        """Whether these hold the same, as members."""
        nodes = [self.nodes[name] for name in names]
        return all(node.vector() == nodes[0].vector() and node.data_set.join is None for node in nodes)

    def heads(self, node: Node) -> Heads:
        """What a region's peers say to hold."""
        offers = [link.puller.offer for link in self.links.values() if link.client is node]
        return {offer.peer: offer.heads for offer in offers if offer is not None}

    def _held_by_members(self, node: Node, _data_set_id: str, origin: Origin) -> int | None:
        return held_by_members(node.data_set, node.name, self.heads(node), origin)

    def look(self, node: Node) -> None:
        """What is due at a region because of what its peers hold."""
        for effect in node.admission.step(self.heads(node), node.sources.snapshot_needed):
            node.waiting.append((effect.work, lambda outcome, effect=effect: effect.done(outcome, 0.0)))  # type: ignore[misc]

    def _work(self, node: Node) -> None:
        try:
            node.work()
        except CrashError:
            self.crash(node.name)
        except JournalError:
            # As over sockets: the connections that brought it end, and are made anew.
            node.store.rollback()
            for pair in [pair for pair in self.links if pair[0] == node.name]:
                self.links.pop(pair).close()
            node.waiting.clear()
            node.admission.failed()
