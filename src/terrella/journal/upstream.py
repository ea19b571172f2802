"""Pulling from one peer: its socket and tasks, around the pulling side of one connection after the other."""

import asyncio
import logging
from collections import deque
from collections.abc import Sequence
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
from terrella.journal.lag import LagMeter, Lags
from terrella.journal.model import Vector
from terrella.journal.parts import Parts
from terrella.journal.peers import DataSetFigures, PeerStatus
from terrella.journal.protocol import (
    FRAME_BYTES_MAX,
    HELLO_BYTES_MAX,
    SILENCE_MAX_S,
    FrameReader,
    Heads,
    Records,
    frame,
)
from terrella.journal.pulling import ACKNOWLEDGEMENT_PAUSE_S, Apply, Effect, Perform, Puller, Send
from terrella.journal.report import ReplicationReport
from terrella.journal.sources import Sources
from terrella.journal.tasks import first_to_end
from terrella.kernel import Clock, Connection, Connector, Ids, hlc_milliseconds

_log = logging.getLogger(__name__)

CONNECT_TIMEOUT_S = 5.0
BACKOFF_MIN_S, BACKOFF_MAX_S = 0.05, 1.0
TICK_S = 0.1
SLICES_UNDER_WAY_MAX = 4
MESSAGES_UNSENT_MAX = 100
LONG_BYTES = 16 * 1024

# A slice that was handed to the committer, and its outcome.
_UnderWay = tuple[Records, "asyncio.Future[int | None]"]


@dataclass(frozen=True, slots=True)
class Pulling:
    """What all connections of a region share."""

    journal: Journal
    state: CommittedState
    sources: Sources
    lags: Lags
    report: ReplicationReport
    connector: Connector
    port: int
    clock: Clock
    ids: Ids
    world: str
    parts: Parts


class Upstream:
    """Pulls from one peer, over one connection after the other."""

    def __init__(self, name: str, shared: Pulling) -> None:
        self.name = name
        self._shared = shared
        self._clock = shared.clock
        self._puller: Puller | None = None
        self._outgoing: deque[Send] = deque()
        self._performing: asyncio.Queue[tuple[Perform, asyncio.Future[Any]]] = asyncio.Queue()
        self._wake = asyncio.Event()
        self._news = False
        self._poked = asyncio.Event()
        self._resting = False
        self._behind: set[str] = set()
        self._settled: dict[str, tuple[Vector, Vector]] = {}
        self._last_heard: float | None = None
        self._retries = 0
        self._applied = 0
        self._last_error: str | None = None
        self._unknown_lives: tuple[str, ...] = ()
        self._lost_lives: set[str] = set()

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
            self._shared.report.lost(self.name)
            self._retries += 1
            self._resting = True
            try:
                async with asyncio.timeout(pause * (0.5 + self._shared.ids.fraction())):
                    await self._poked.wait()
                    pause = BACKOFF_MIN_S
            except TimeoutError:
                pause = min(BACKOFF_MAX_S, 2 * pause)
            self._resting = False

    @property
    def puller(self) -> Puller | None:
        """That of the connection that stands."""
        return self._puller

    def poke(self) -> None:
        """Do not wait any longer before trying again."""
        if self._puller is None:
            self._poked.set()

    def is_there(self) -> None:
        """The peer was heard from: end a pause between attempts; an attempt that is under way is left alone."""
        if self._resting:
            self._poked.set()

    def changed(self) -> None:
        """Something was committed or declared here, or another peer has come or gone: soon, see what is to be said."""
        if not self._news:
            self._news = True
            asyncio.get_running_loop().call_later(ACKNOWLEDGEMENT_PAUSE_S, self._wake.set)

    def lag_ms(self) -> float | None:
        """How far this region is behind the peer; None if that is unknown."""
        puller = self._heard()
        return None if puller is None else self._lag(self._shared.lags.of(self.name), self._behind_unscheduled(puller))

    def status(self, unacknowledged: int) -> PeerStatus:
        """The peer as seen from here."""
        puller, sources, lag = self._puller, self._shared.sources, self._shared.lags.of(self.name)
        offer = puller.offer if puller is not None else None
        return PeerStatus(
            connected=offer is not None,
            via=sources.via(self.name),
            last_contact_ms_ago=self._heard_ms_ago(),
            lag_ms=self.lag_ms(),
            lag_p50_ms=lag.percentile_ms(0.5),
            lag_p99_ms=lag.percentile_ms(0.99),
            records_behind=self._records_behind(),
            records_applied=self._applied,
            unacknowledged=unacknowledged,
            retries=self._retries,
            last_error=self._last_error,
            stopped={id_: reason for (id_, region), reason in sources.stopped.items() if region == self.name},
            snapshots_required=tuple(sorted({id_ for id_, _ in offer.floors})) if offer else (),
            excluded=dict(offer.excluded) if offer else {},
            rolled_back=self.rolled_back,
        )

    def figures(self) -> dict[str, DataSetFigures]:
        """Each data set that is shared with the peer."""
        return {
            data_set_id: self._figures(data_set_id, own)
            for data_set_id, own in self._shared.state.vectors(self.name).items()
        }

    @property
    def rolled_back(self) -> tuple[str, ...]:
        """Lives of the peer of which more is held here than there."""
        return tuple(sorted({*self._unknown_lives, *self._lost_lives}))

    def greeted(self, unknown_lives: tuple[str, ...]) -> bool:
        """The peer has connected to here, and not known these of its own lives; True if that is news."""
        news = bool(set(unknown_lives) - set(self._unknown_lives))
        self._unknown_lives = unknown_lives
        self.is_there()
        return news

    def _heard(self) -> Puller | None:
        puller = self._puller
        if puller is None or not puller.welcome or self._clock.monotonic() - puller.last_heard > SILENCE_MAX_S:
            return None
        return puller

    def _heard_ms_ago(self) -> float | None:
        return None if self._last_heard is None else (self._clock.monotonic() - self._last_heard) * 1000

    def _lag(self, meter: LagMeter, behind: int | None) -> float | None:
        return meter.lag_ms(behind, self._clock.now_ms(), self._clock.monotonic())

    def _behind_unscheduled(self, puller: Puller) -> int | None:
        """How many of its own records the peer holds that should be here already; None if it has not said."""
        if puller.heads_clock_ms is None or puller.offer is None:
            return None
        state = self._shared.state
        return sum(
            puller.offer.behind(data_set_id, self.name, own)
            for data_set_id, own in state.vectors(self.name).items()
            if not state.scheduled(data_set_id)
        )

    def _records_behind(self) -> int | None:
        puller = self._heard()
        if puller is not None:
            return puller.records_behind
        behind = [figures.records_behind or 0 for figures in self.figures().values()]
        return sum(behind) or None

    def _figures(self, data_set_id: str, own: Vector) -> DataSetFigures:
        sources, puller = self._shared.sources, self._heard()
        known = sources.heads(data_set_id, self.name)
        meter = self._shared.lags.of_data_set(self.name, data_set_id)
        missing = sum(max(0, head - own.get(origin, 0)) for origin, head in known.items())
        held = sum(sequence for origin, sequence in own.items() if origin[0] == self.name)
        said = puller is not None and puller.offer is not None and data_set_id in puller.offer.heads
        choice = sources.choices.get(data_set_id)
        source = choice.regions.get(self.name) if choice is not None else None
        return DataSetFigures(
            held=held,
            head=held + missing if known or said else None,
            heard_ms_ago=self._heard_ms_ago() if said else None,
            lag_ms=self._lag(meter, missing) if said else None,
            samples_ms=meter.samples_ms,
            via=None if source == self.name else source,
        )

    async def _connect(self) -> Connection | None:
        """Connect; None if a poke says that a new attempt has better prospects than the one under way."""
        attempt = asyncio.ensure_future(self._shared.connector.connect(self.name, self._shared.port, CONNECT_TIMEOUT_S))
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
        shared = self._shared
        parts = shared.parts.of_puller(self.name, self.changed)
        puller = Puller(shared.state, shared.world, self.name, shared.sources, parts)
        self._outgoing.clear()
        self._performing = asyncio.Queue()
        self._news = False
        under_way: asyncio.Queue[_UnderWay] = asyncio.Queue(SLICES_UNDER_WAY_MAX)
        self._puller = puller
        try:
            self._do(puller.start(self._clock.monotonic()))
            await first_to_end(
                self._read(puller, connection, under_way),
                self._write(puller, connection),
                self._settle(puller, under_way),
                self._settle_parts(),
                self._tick(puller),
            )
        finally:
            puller.closed(self._clock.monotonic())
            connection.close()
            while not under_way.empty():
                under_way.get_nowait()[1].cancel()
            while not self._performing.empty():
                self._performing.get_nowait()[1].cancel()

    def _do(self, effects: Sequence[Effect]) -> None:
        for effect in effects:
            if isinstance(effect, Perform):
                self._performing.put_nowait((effect, self._shared.journal.committer.slice(effect.work)))
            else:
                assert isinstance(effect, Send), effect
                self._outgoing.append(effect)
        if self._outgoing:
            self._wake.set()
        if len(self._outgoing) > MESSAGES_UNSENT_MAX:
            raise ProtocolError(f"{self.name} does not take what is sent to it")

    async def _settle_parts(self) -> None:
        """Wait for what the connection's parts have done with the store; if it fails, the connection ends."""
        while True:
            effect, future = await self._performing.get()
            self._do(effect.done(await future, self._clock.monotonic()))

    async def _write(self, puller: Puller, connection: Connection) -> None:
        """Send what is to be said; what many commits have changed is said once."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            if self._news:
                self._news = False
                self._do(puller.changed(self._clock.monotonic()))
            while self._outgoing:
                await connection.write(frame(self._outgoing.popleft().message))

    async def _tick(self, puller: Puller) -> None:
        while True:
            await asyncio.sleep(TICK_S)
            self._do(puller.tick(self._clock.monotonic()))
            self._note_caught_up(puller)

    async def _read(self, puller: Puller, connection: Connection, under_way: "asyncio.Queue[_UnderWay]") -> None:
        frames = FrameReader(HELLO_BYTES_MAX)
        while data := await connection.read():
            self._last_heard = puller.last_heard = self._clock.monotonic()
            for message in frames.feed(data):
                for effect in puller.receive(message, self._clock.monotonic()):
                    if isinstance(effect, Apply):
                        # Waits while too much is under way; then the peer waits too.
                        await under_way.put((effect.records, self._apply(effect.records)))
                    else:
                        self._do([effect])
                frames.bytes_max = FRAME_BYTES_MAX
                if isinstance(message, Heads):
                    self._heads(puller, message)
            if len(data) >= LONG_BYTES:
                await asyncio.sleep(0)  # whoever talks without a pause does not keep others from being heard
        raise ConnectionError(f"{self.name} closed the connection")

    def _apply(self, records: Records) -> "asyncio.Future[int | None]":
        origin = (records.region, records.incarnation)
        work = RemoteSlice(records.data_set_id, origin, records.first, records.records)
        return self._shared.journal.committer.slice(work)

    async def _settle(self, puller: Puller, under_way: "asyncio.Queue[_UnderWay]") -> None:
        """Wait for what is applied; what cannot be ends the connection, or the pulling of that region's records."""
        while True:
            records, future = await under_way.get()
            try:
                hlc = await future
            except SequenceGapError:
                puller.again(records.data_set_id)  # what it follows was lost on its way to the store
                continue
            except RecordError as error:
                self._do(puller.stop(records.data_set_id, records.region, str(error), self._clock.monotonic()))
                continue
            except (UnknownDataSetError, DataSetDroppedError):
                continue  # it was dropped here meanwhile, and is not asked for any more
            except JournalError:
                raise
            except Exception as error:  # noqa: BLE001 - shown as why these records stand still
                _log.exception("records of %s from %s cannot be applied", records.region, self.name)
                reason = f"{type(error).__name__}: {error}"
                self._do(puller.stop(records.data_set_id, records.region, reason, self._clock.monotonic()))
                continue
            now = self._clock.monotonic()
            puller.last_heard = max(puller.last_heard, now)  # it was we who did not listen
            self._applied += len(records.records)
            puller.took(records)
            if hlc is not None:
                self._shared.lags.applied(
                    records.region,
                    records.data_set_id,
                    hlc_milliseconds(hlc),
                    self._clock.now_ms(),
                    now,
                    scheduled=self._shared.state.scheduled(records.data_set_id),
                )

    def _heads(self, puller: Puller, heads: Heads) -> None:
        now_ms = self._clock.now_ms()
        lags = self._shared.lags
        lags.of(self.name).heard(heads.clock_ms, now_ms)
        self._lost_lives = puller.lost_lives
        if puller.offer is not None:
            self._behind = set(puller.offer.heads)
            for data_set_id in self._behind:
                lags.of_data_set(self.name, data_set_id).heard(heads.clock_ms, now_ms)
            if not self._behind and not self._shared.state.vectors(self.name):
                lags.of(self.name).caught_up(heads.clock_ms)  # where nothing is shared, nothing is lacking
        self._note_caught_up(puller)
        self._shared.report.heard(self.name, puller)

    def _note_caught_up(self, puller: Puller) -> None:
        """Of which data sets everything is here that the peer's last heads told of, of its own records."""
        if not self._behind or puller.heads_clock_ms is None or puller.offer is None:
            return
        vectors = self._shared.state.vectors(self.name)
        for data_set_id in list(self._behind):
            own, heads = vectors.get(data_set_id), puller.offer.heads.get(data_set_id)
            if own is None or heads is None:
                self._behind.discard(data_set_id)
                continue
            known = self._settled.get(data_set_id)
            # These are the same objects until something has changed: then there is nothing to compare.
            same = known is not None and known[0] is own and known[1] is heads
            if same or not puller.offer.behind(data_set_id, self.name, own):
                self._settled[data_set_id] = (own, heads)
                self._behind.discard(data_set_id)
                self._shared.lags.of_data_set(self.name, data_set_id).caught_up(puller.heads_clock_ms)
        if all(self._shared.state.scheduled(data_set_id) for data_set_id in self._behind):
            self._shared.lags.of(self.name).caught_up(puller.heads_clock_ms)


def _close_unused(attempt: "asyncio.Future[Connection]") -> None:
    """A connection that came when nobody waited for it any more."""
    if not attempt.cancelled() and attempt.exception() is None:
        attempt.result().close()
