"""A region's replication: one stream from every peer, one server for all of them, and who is a peer."""

import asyncio
import logging
from collections import Counter, deque
from collections.abc import Sequence

from terrella.journal.antientropy import VerifyReport
from terrella.journal.committed import CommittedState
from terrella.journal.downstream import Downstream, OtherKind
from terrella.journal.errors import JournalError
from terrella.journal.journal import Journal
from terrella.journal.lag import Lags
from terrella.journal.parts import Parts
from terrella.journal.pausing import PullGate
from terrella.journal.peers import DataSetFigures, PeerStatus
from terrella.journal.protocol import frame, refusal
from terrella.journal.report import ReplicationReport
from terrella.journal.serving import PullServer
from terrella.journal.sources import Sources
from terrella.journal.sync import SyncLane
from terrella.journal.upstream import TICK_S, Pulling, Upstream
from terrella.kernel import Clock, Connector, Ids

_log = logging.getLogger(__name__)

PERSIST_ACKNOWLEDGEMENTS_S = 1.0
# Between two rounds of comparing in the background, give or take a half.
VERIFY_INTERVAL_S = 300.0
# What many commits have changed is looked at once by what goes on besides pulling.
PARTS_PAUSE_S = 0.02
# Connections of whoever has not said yet who he is.
STRANGERS_OF_ADDRESS_MAX = 16
STRANGERS_MAX = 256
_REFUSALS_KEPT = 20
_REASON_CHARACTERS_MAX = 500


class Replicator:
    """Pulls from every peer and serves their pulls, from ``start`` until ``stop``.

    Peers are the regions that are given, and whoever holds a declared data set: they come and go with ``add_peer``,
    ``remove_peer`` and the data sets' memberships. A peer that cannot be reached is tried again, with a growing pause
    of up to a second. What is written here is sent ``hold_s`` later.
    """

    def __init__(
        self,
        journal: Journal,
        connector: Connector,
        peers: Sequence[str],
        port: int,
        clock: Clock,
        ids: Ids,
        *,
        world: str = "",
        verify_interval_s: float = VERIFY_INTERVAL_S,
        hold_s: float = 0.0,
    ) -> None:
        self._journal = journal
        self._port = port
        self._clock = clock
        self._world = world
        self._verify_interval_s = verify_interval_s
        self._hold_s = hold_s
        self._state = CommittedState(journal.store, journal.reader, clock)
        self.sources = Sources(self._state)
        self.parts = Parts(journal, self.sources, clock)
        lags = Lags()
        self.report = ReplicationReport(journal.store, journal.reader, self.sources, lags, clock)
        self._gate = PullGate(connector)
        self._shared = Pulling(
            journal, self._state, self.sources, lags, self.report, self._gate, port, clock, ids, world, self.parts
        )
        self._configured = set(peers)
        self._upstreams: dict[str, Upstream] = {}
        self._pulls: dict[str, asyncio.Task[None]] = {}
        self._downstreams: dict[Downstream, None] = {}  # in the order in which they came
        self._strangers: Counter[str] = Counter()
        self._others: set[asyncio.Task[None]] = set()
        self.sync = SyncLane(journal, self._gate, port, clock, ids, world)
        self._server: asyncio.Server | None = None
        self._background: list[asyncio.Task[None]] = []
        self._pulling = False
        self._stopping = False
        self._parts_due = False
        self.refusals: deque[str] = deque(maxlen=_REFUSALS_KEPT)
        self._review_peers()
        journal.on_change(self._changed)

    async def start(self, host: str) -> int:
        """Listen on ``host`` and begin to pull; answers the port. Raises ``OSError`` if it cannot be bound."""
        self._server = await asyncio.start_server(self.serve, host, self._port)
        self.pull()
        port: int = self._server.sockets[0].getsockname()[1]
        return port

    def pull(self) -> None:
        """Begin to pull; for those who listen themselves, and hand to ``serve`` who comes."""
        self._pulling = True
        self.sync.start()
        self._review_peers()
        comparing = self.parts.verify_all(self._verify_interval_s, self._shared.ids.fraction)
        self._background = [asyncio.create_task(task) for task in (self._persist(), self._tick(), comparing)]

    async def stop(self) -> None:
        """Close every connection, and take no more."""
        self._stopping = True
        if self._server is not None:
            self._server.close()
        await self.sync.stop()
        await self.parts.stop()
        tasks = [*self._background, *self._pulls.values(), *(downstream.task for downstream in self._downstreams)]
        tasks += self._others
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._pulls.clear()
        if self._server is not None:
            await self._server.wait_closed()
            self._server = None

    def pause(self) -> None:
        """Pull from nobody, let nobody pull, and take no part in the lane ``sync``, until ``resume``."""
        self._gate.close()
        for downstream in self._downstreams:
            if downstream.server.peer is not None:
                downstream.task.cancel()
        for other in self._others:
            other.cancel()

    def resume(self) -> None:
        """Go on where it was paused."""
        self._gate.open()
        self.poke()

    # who is a peer

    def add_peer(self, name: str) -> None:
        """A region has joined the world: pull from it, and let it pull."""
        self._configured.add(name)
        self._review_peers()

    def remove_peer(self, name: str) -> None:
        """A region has left the world: it is a peer only as long as it holds a data set that is held here."""
        self._configured.discard(name)
        self._review_peers()

    @property
    def peers(self) -> tuple[str, ...]:
        """Everyone whom this region pulls from, and lets pull."""
        return tuple(self._upstreams)

    def _review_peers(self) -> None:
        wanted = self._configured.union(*(d.holders for d in self._state.definitions().values()))
        wanted.discard(self._state.region)
        for name in sorted(wanted - self._upstreams.keys()):
            self._upstreams[name] = Upstream(name, self._shared)
        for name in self._upstreams.keys() - wanted:
            del self._upstreams[name]
            task = self._pulls.pop(name, None)
            if task is not None:
                task.cancel()
        if self._pulling and not self._stopping:
            for name in sorted(self._upstreams.keys() - self._pulls.keys()):
                self._pulls[name] = asyncio.create_task(self._upstreams[name].run())

    # what can be asked

    def poke(self, peer: str | None = None) -> None:
        """Try a peer again at once (all of them: None): a link has healed. A connection that stands is left alone."""
        for name, upstream in self._upstreams.items():
            if peer is None or name == peer:
                upstream.poke()
        self.sync.poke(peer)

    def status(self) -> dict[str, PeerStatus]:
        """Every peer."""
        unacknowledged = self._journal.status().unacknowledged
        return {name: upstream.status(unacknowledged.get(name, 0)) for name, upstream in self._upstreams.items()}

    def figures(self) -> dict[str, dict[str, DataSetFigures]]:
        """Every peer's records, data set by data set."""
        return {name: upstream.figures() for name, upstream in self._upstreams.items()}

    @property
    def rolled_back_peers(self) -> dict[str, tuple[str, ...]]:
        """Peers whose disk was lost or restored from an old image: the lives of which more is held here than there."""
        lives = {name: upstream.rolled_back for name, upstream in self._upstreams.items()}
        return {name: lost for name, lost in lives.items() if lost}

    @property
    def snapshot_needed(self) -> dict[str, str]:
        """Data sets that no connected peer can bring up to date, and the member that a snapshot is best taken from."""
        return self.sources.snapshot_needed

    async def verify(self, data_set_id: str, peer: str, *, repair: bool = True) -> VerifyReport:
        """Compare a data set with a connected member's, and mend what is certain; raises ``VerificationError``."""
        return await self.parts.verify(data_set_id, peer, repair=repair)

    @property
    def verified(self) -> dict[tuple[str, str], VerifyReport]:
        """The last comparison of each data set with each peer: what is compared in the background included."""
        return dict(self.parts.reports)

    def caught_up(self, bound_ms: float) -> bool:
        """Whether every peer is heard and this region is at most so far behind each."""
        lags = [upstream.lag_ms() for upstream in self._upstreams.values()]
        return all(lag is not None and lag <= bound_ms for lag in lags)

    # what happens

    def _changed(self) -> None:
        before = self._state.known_definitions
        self._state.refresh()
        if before != self._state.definitions():
            self._review_peers()
        for upstream in self._upstreams.values():
            upstream.changed()
        for downstream in self._downstreams:
            downstream.wake.set()
        if not self._parts_due:
            self._parts_due = True
            asyncio.get_running_loop().call_later(PARTS_PAUSE_S, self._step_parts)

    def _step_parts(self) -> None:
        self._parts_due = False
        if not self._stopping:
            self.parts.step(upstream.puller for upstream in self._upstreams.values())

    async def _tick(self) -> None:
        while True:
            await asyncio.sleep(TICK_S)
            self._step_parts()

    async def _persist(self) -> None:
        while True:
            await asyncio.sleep(PERSIST_ACKNOWLEDGEMENTS_S)
            try:
                await self._journal.persist_acknowledgements()
            except JournalError as error:
                _log.warning("acknowledgements were not written down: %s", error)

    def refused(self, who: str, reason: str) -> None:
        """Remember why somebody was not served, or not even let in; once, however often it is tried."""
        refusal = f"{who}: {reason}"[:_REASON_CHARACTERS_MAX]
        if refusal not in self.refusals:
            self.refusals.append(refusal)
            _log.info("connection of %s ended: %s", who, refusal)

    async def serve(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, proven: frozenset[str] | None = None
    ) -> None:
        """Serve who has connected; ``proven`` are the regions that it can be, None if it need prove nothing."""
        task = asyncio.current_task()
        if self._stopping or task is None:
            writer.close()
            return
        address = str((writer.get_extra_info("peername") or ("unknown",))[0])
        if self._strangers[address] >= STRANGERS_OF_ADDRESS_MAX or self._strangers.total() >= STRANGERS_MAX:
            reason = "too many connections that have not said whose they are"
            self.refused(address, reason)
            writer.write(frame(refusal(reason)))
            writer.close()
            return
        parts = self.parts.of_server()
        server = PullServer(self._state, self._world, self._upstreams, parts, proven=proven, hold_s=self._hold_s)
        downstream = Downstream(server, reader, writer, self._clock, task)
        self._downstreams[downstream] = None
        self._strangers[address] += 1
        stranger = True
        try:
            await downstream.run(lambda greeted: self._greeted(greeted, address))
        except OtherKind as other:
            stranger = False
            self._no_stranger(address)
            self._downstreams.pop(downstream, None)
            await self._serve_sync(other, reader, writer, proven)
        except (ConnectionError, TimeoutError):
            pass  # the peer is gone, and will come again
        except JournalError as error:
            self.refused(server.peer or address, str(error))
        except asyncio.CancelledError:
            pass  # stop() or a newer connection; the task ends here either way
        finally:
            self._downstreams.pop(downstream, None)
            if server.peer is None and stranger:
                self._no_stranger(address)
            writer.close()

    async def _serve_sync(
        self,
        other: OtherKind,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        proven: frozenset[str] | None,
    ) -> None:
        """A connection of the lane ``sync``."""
        if self._gate.closed:
            return
        task = asyncio.current_task()
        assert task is not None
        self._others.add(task)
        try:
            await self.sync.serve(other.hello, other.rest, reader, writer.write, proven)
        except (ConnectionError, TimeoutError, asyncio.CancelledError):
            pass  # the peer is gone, or stop(); the task ends here either way
        except JournalError as error:
            self.refused(other.hello.from_region, str(error))
            writer.write(frame(refusal(str(error))))
        finally:
            self._others.discard(task)

    def _greeted(self, newer: Downstream, address: str) -> None:
        """A peer that connects is there to be pulled from, and has given up its earlier connection."""
        self._no_stranger(address)
        if self._gate.closed:
            newer.close()
            raise ConnectionRefusedError("replication is paused")
        server = newer.server
        upstream = self._upstreams.get(server.peer or "")
        if upstream is not None and upstream.greeted(server.unknown_lives):
            _log.warning(
                "%s does not know of its own incarnations %s: its disk was lost, or restored from an old image",
                server.peer,
                ", ".join(server.unknown_lives),
            )
        for downstream in self._downstreams:
            if downstream is not newer and downstream.server.peer == server.peer:
                downstream.task.cancel()

    def _no_stranger(self, address: str) -> None:
        self._strangers[address] -= 1
        if not self._strangers[address]:
            del self._strangers[address]
