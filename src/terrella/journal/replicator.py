"""Sockets and tasks around the two sides of pulling: one stream from every peer, one server for all of them."""

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from terrella.journal.applying import RemoteSlice
from terrella.journal.committed import CommittedState
from terrella.journal.errors import (
    DataSetDroppedError,
    JournalError,
    ProtocolError,
    RecordError,
    SequenceGapError,
    UnknownDataSetError,
)
from terrella.journal.journal import Journal
from terrella.journal.lag import LagMeter
from terrella.journal.protocol import SILENCE_MAX_S, FrameReader, Heads, Records, Refusal, frame
from terrella.journal.pulling import Apply, Effect, Puller, Send
from terrella.journal.serving import PullServer
from terrella.kernel import Clock, Connection, Connector, Ids, hlc_milliseconds

_log = logging.getLogger(__name__)

CONNECT_TIMEOUT_S = 5.0
BACKOFF_MIN_S, BACKOFF_MAX_S = 0.05, 1.0
TICK_S = 0.1
SLICES_UNDER_WAY_MAX = 4
PERSIST_ACKNOWLEDGEMENTS_S = 1.0
_SERVER_SILENCE_MAX_S = 3 * SILENCE_MAX_S
_REFUSALS_KEPT = 20

# A slice that was handed to the committer, and its outcome.
_UnderWay = tuple[Records, "asyncio.Future[int | None]"]


@dataclass(frozen=True, slots=True)
class PeerStatus:
    """One peer, as seen from here.

    ``lag_ms`` is how far this region is behind it (None: unknown), ``records_behind`` the same in records (None:
    unknown); ``unacknowledged`` are this region's own records that it has not applied, as far as it has said.
    ``stopped`` names data sets with a record that cannot be applied, ``snapshots_required`` those that it has trimmed
    beyond what is here.
    """

    connected: bool
    last_contact_ms_ago: float | None
    lag_ms: float | None
    lag_p50_ms: float | None
    lag_p99_ms: float | None
    records_behind: int | None
    records_applied: int
    unacknowledged: int
    retries: int
    last_error: str | None
    stopped: Mapping[str, str]
    snapshots_required: tuple[str, ...]


class Replicator:
    """Pulls from every peer and serves their pulls, from ``start`` until ``stop``.

    ``peers`` are the other regions of the world. A peer that cannot be reached is tried again, with a growing pause
    of up to a second.
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
    ) -> None:
        self._journal = journal
        self._port = port
        self._clock = clock
        self._world = world
        self._state = CommittedState(journal.store, journal.reader, clock)
        self._peers = {name: _Peer(name, journal, self._state, connector, port, clock, ids, world) for name in peers}
        self._serving: dict[_Serving, None] = {}  # in the order in which they came
        self._server: asyncio.Server | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self._stopping = False
        self.refusals: deque[str] = deque(maxlen=_REFUSALS_KEPT)
        journal.on_change(self._changed)

    async def start(self, host: str) -> int:
        """Listen on ``host`` and begin to pull; answers the port. Raises ``OSError`` if it cannot be bound."""
        self._server = await asyncio.start_server(self._serve, host, self._port)
        self._tasks = [asyncio.create_task(peer.run()) for peer in self._peers.values()]
        self._tasks.append(asyncio.create_task(self._persist()))
        port: int = self._server.sockets[0].getsockname()[1]
        return port

    async def stop(self) -> None:
        """Close every connection, and take no more."""
        self._stopping = True
        if self._server is not None:
            self._server.close()
        tasks = [*self._tasks, *(serving.task for serving in self._serving)]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._tasks.clear()
        if self._server is not None:
            await self._server.wait_closed()
            self._server = None

    def poke(self, peer: str | None = None) -> None:
        """Try a peer again at once (all of them: None): a link has healed. A connection that stands is left alone."""
        for name, puller in self._peers.items():
            if peer is None or name == peer:
                puller.poke()

    def status(self) -> dict[str, PeerStatus]:
        """Every peer."""
        unacknowledged = self._journal.status().unacknowledged
        return {name: peer.status(unacknowledged.get(name, 0)) for name, peer in self._peers.items()}

    def caught_up(self, bound_ms: float) -> bool:
        """Whether every peer is heard and this region is at most so far behind each."""
        lags = [peer.lag_ms() for peer in self._peers.values()]
        return all(lag is not None and lag <= bound_ms for lag in lags)

    def _changed(self) -> None:
        self._state.refresh()
        for peer in self._peers.values():
            peer.changed()
        for serving in self._serving:
            serving.wake.set()

    async def _persist(self) -> None:
        while True:
            await asyncio.sleep(PERSIST_ACKNOWLEDGEMENTS_S)
            try:
                await self._journal.persist_acknowledgements()
            except JournalError as error:
                _log.warning("acknowledgements were not written down: %s", error)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if self._stopping or task is None:
            writer.close()
            return
        server = PullServer(self._state, self._world, frozenset(self._peers))
        serving = _Serving(server, reader, writer, self._clock, task)
        self._serving[serving] = None
        try:
            await serving.run(self._greeted)
        except (ConnectionError, TimeoutError):
            pass  # the peer is gone, and will come again
        except JournalError as error:
            who = server.peer or writer.get_extra_info("peername")
            self.refusals.append(f"{who}: {error}")
            _log.info("connection of %s ended: %s", who, error)
        except asyncio.CancelledError:
            pass  # stop() or a newer connection; the task ends here either way
        finally:
            self._serving.pop(serving, None)
            writer.close()

    def _greeted(self, newer: "_Serving") -> None:
        """A peer that connects is there to be pulled from, and has given up its earlier connection."""
        if newer.server.peer is not None:
            self._peers[newer.server.peer].is_there()
        for serving in self._serving:
            if serving is not newer and serving.server.peer == newer.server.peer:
                serving.task.cancel()


class _Serving:
    """One connection of a peer that pulls from here."""

    def __init__(
        self,
        server: PullServer,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        clock: Clock,
        task: "asyncio.Task[Any]",
    ) -> None:
        self.server = server
        self.wake = asyncio.Event()
        self.task = task
        self._reader = reader
        self._writer = writer
        self._clock = clock

    async def run(self, on_greeted: Callable[["_Serving"], None]) -> None:
        """Serve until the connection ends."""
        self.server.last_heard = self._clock.monotonic()
        try:
            await first_to_end(self._read(on_greeted), self._write())
        except ProtocolError as error:
            self._writer.write(frame(Refusal(str(error))))
            raise

    async def _read(self, on_greeted: Callable[["_Serving"], None]) -> None:
        frames = FrameReader()
        while data := await self._reader.read(65536):
            for message in frames.feed(data):
                greeted = self.server.peer is None
                self.server.receive(message, self._clock.monotonic())
                if greeted:
                    on_greeted(self)
            self.wake.set()
        if frames.truncated:
            raise ProtocolError("the connection ended inside a message")

    async def _write(self) -> None:
        server, clock = self.server, self._clock
        while True:
            self.wake.clear()
            now = clock.monotonic()
            if now - server.last_heard > _SERVER_SILENCE_MAX_S:
                raise ProtocolError(f"nothing was heard for {_SERVER_SILENCE_MAX_S:g} s")
            while (message := server.next(clock.monotonic())) is not None:
                self._writer.write(frame(message))
                await self._writer.drain()
            pause = max(0.0, server.wake_at - clock.monotonic()) if server.peer else TICK_S
            try:
                async with asyncio.timeout(pause):
                    await self.wake.wait()
            except TimeoutError:
                continue


class _Peer:
    """Pulls from one peer, over one connection after the other."""

    def __init__(
        self,
        name: str,
        journal: Journal,
        state: CommittedState,
        connector: Connector,
        port: int,
        clock: Clock,
        ids: Ids,
        world: str,
    ) -> None:
        self.name = name
        self._journal = journal
        self._state = state
        self._connector = connector
        self._port = port
        self._clock = clock
        self._ids = ids
        self._world = world
        self._puller: Puller | None = None
        self._lag = LagMeter()
        self._stopped: dict[str, str] = {}
        self._outgoing: asyncio.Queue[Effect] = asyncio.Queue()
        self._poked = asyncio.Event()
        self._resting = False
        self._last_heard: float | None = None
        self._retries = 0
        self._applied = 0
        self._last_error: str | None = None

    async def run(self) -> None:
        """Connect, pull, and again, until cancelled."""
        pause = BACKOFF_MIN_S
        while True:
            self._poked.clear()
            try:
                connection = await self._connect()
                if connection is not None:
                    await self._pull(connection)
            except (ConnectionError, TimeoutError, OSError, JournalError) as error:
                self._last_error = str(error) or type(error).__name__
            if self._puller is not None and self._puller.welcome:
                pause = BACKOFF_MIN_S
            self._puller = None
            self._retries += 1
            self._resting = True
            try:
                async with asyncio.timeout(pause * (0.5 + self._ids.fraction())):
                    await self._poked.wait()
                    pause = BACKOFF_MIN_S
            except TimeoutError:
                pause = min(BACKOFF_MAX_S, 2 * pause)
            self._resting = False

    def poke(self) -> None:
        """Do not wait any longer before trying again."""
        if self._puller is None:
            self._poked.set()

    def is_there(self) -> None:
        """The peer was heard from: end a pause between attempts; an attempt that is under way is left alone."""
        if self._resting:
            self._poked.set()

    def changed(self) -> None:
        """Something was committed or declared here."""
        if self._puller is not None:
            self._do(self._puller.changed(self._clock.monotonic()))
            self._note_caught_up(self._puller)

    def lag_ms(self) -> float | None:
        """How far this region is behind the peer; None if that is unknown."""
        puller = self._puller
        now = self._clock.monotonic()
        if puller is None or now - puller.last_heard > SILENCE_MAX_S:
            return None
        return self._lag.lag_ms(puller.records_behind, self._clock.now_ms(), now)

    def status(self, unacknowledged: int) -> PeerStatus:
        """The peer as seen from here."""
        puller = self._puller
        ago = None if self._last_heard is None else (self._clock.monotonic() - self._last_heard) * 1000
        return PeerStatus(
            connected=puller is not None and puller.welcome,
            last_contact_ms_ago=ago,
            lag_ms=self.lag_ms(),
            lag_p50_ms=self._lag.percentile_ms(0.5),
            lag_p99_ms=self._lag.percentile_ms(0.99),
            records_behind=puller.records_behind if puller else None,
            records_applied=self._applied,
            unacknowledged=unacknowledged,
            retries=self._retries,
            last_error=self._last_error,
            stopped=dict(self._stopped),
            snapshots_required=tuple(sorted({id_ for id_, _ in puller.below_floor})) if puller else (),
        )

    async def _connect(self) -> Connection | None:
        """Connect; None if a poke says that a new attempt has better prospects than the one under way."""
        attempt = asyncio.ensure_future(self._connector.connect(self.name, self._port, CONNECT_TIMEOUT_S))
        poked = asyncio.ensure_future(self._poked.wait())
        try:
            await asyncio.wait((attempt, poked), return_when=asyncio.FIRST_COMPLETED)
        except asyncio.CancelledError:
            attempt.add_done_callback(_close_unused)
            attempt.cancel()
            raise
        finally:
            poked.cancel()
        if attempt.done():
            return attempt.result()
        attempt.add_done_callback(_close_unused)
        attempt.cancel()
        return None

    async def _pull(self, connection: Connection) -> None:
        puller = Puller(self._state, self._world, self.name, self._stopped)
        self._outgoing = asyncio.Queue()
        under_way: asyncio.Queue[_UnderWay] = asyncio.Queue(SLICES_UNDER_WAY_MAX)
        self._puller = puller
        try:
            self._do(puller.start(self._clock.monotonic()))
            await first_to_end(
                self._read(puller, connection, under_way),
                self._write(connection),
                self._settle(puller, under_way),
                self._tick(puller),
            )
        finally:
            connection.close()
            while not under_way.empty():
                under_way.get_nowait()[1].cancel()

    def _do(self, effects: Sequence[Effect]) -> None:
        for effect in effects:
            self._outgoing.put_nowait(effect)

    async def _write(self, connection: Connection) -> None:
        while True:
            effect = await self._outgoing.get()
            assert isinstance(effect, Send), effect
            await connection.write(frame(effect.message))

    async def _tick(self, puller: Puller) -> None:
        while True:
            await asyncio.sleep(TICK_S)
            self._do(puller.tick(self._clock.monotonic()))

    async def _read(self, puller: Puller, connection: Connection, under_way: "asyncio.Queue[_UnderWay]") -> None:
        frames = FrameReader()
        while data := await connection.read():
            self._last_heard = puller.last_heard = self._clock.monotonic()
            for message in frames.feed(data):
                for effect in puller.receive(message, self._clock.monotonic()):
                    if isinstance(effect, Apply):
                        # Waits while too much is under way; then the peer waits too.
                        await under_way.put((effect.records, self._apply(effect.records)))
                    else:
                        self._do([effect])
                if isinstance(message, Heads):
                    self._lag.heard(message.clock_ms, self._clock.now_ms())
                    self._note_caught_up(puller)
        raise ConnectionError(f"{self.name} closed the connection")

    def _apply(self, records: Records) -> "asyncio.Future[int | None]":
        origin = (records.region, records.incarnation)
        return self._journal.committer.slice(RemoteSlice(records.data_set_id, origin, records.first, records.records))

    async def _settle(self, puller: Puller, under_way: "asyncio.Queue[_UnderWay]") -> None:
        """Wait for what is applied; what cannot be ends the connection, or the pulling of that data set."""
        while True:
            records, future = await under_way.get()
            try:
                hlc = await future
            except SequenceGapError:
                raise
            except RecordError as error:
                self._do(puller.stop(records.data_set_id, str(error), self._clock.monotonic()))
                continue
            except (UnknownDataSetError, DataSetDroppedError):
                continue  # it was dropped here meanwhile, and is not asked for any more
            now = self._clock.monotonic()
            puller.last_heard = max(puller.last_heard, now)  # it was we who did not listen
            self._applied += len(records.records)
            if hlc is not None:
                self._lag.applied(hlc_milliseconds(hlc), self._clock.now_ms(), now)

    def _note_caught_up(self, puller: Puller) -> None:
        if puller.heads_clock_ms is not None and puller.records_behind == 0:
            self._lag.caught_up(puller.heads_clock_ms)


def _close_unused(attempt: "asyncio.Future[Connection]") -> None:
    """A connection that came when nobody waited for it any more."""
    if not attempt.cancelled() and attempt.exception() is None:
        attempt.result().close()


async def first_to_end(*coroutines: Coroutine[Any, Any, None]) -> None:
    """Run all; when the first ends or raises, cancel the others and end likewise."""
    tasks = [asyncio.ensure_future(coroutine) for coroutine in coroutines]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
