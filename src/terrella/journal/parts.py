"""What goes on over a region's connections besides pulling, bound to its journal: joining, draining, comparing."""

import asyncio
import logging
from collections.abc import Callable, Iterable, Iterator, Sequence

from terrella.journal.admission import Admission, Event, Heads, StandingChange
from terrella.journal.antientropy import PAUSE_S, VerificationError, VerifyReport, verify
from terrella.journal.comparing import OwnSide, Replica, VerifyClient, VerifyServer
from terrella.journal.draining import Drained, Drainer, held_by_members
from terrella.journal.errors import JournalError
from terrella.journal.joining import StartWork, StoreSource, StoreTarget
from terrella.journal.journal import Journal
from terrella.journal.model import Origin
from terrella.journal.pulling import Perform, Puller, PullerPart, Work
from terrella.journal.serving import ServerPart
from terrella.journal.snapshot import CHUNK_BYTES_MAX, CHUNK_ROWS_MAX, SnapshotSource, SnapshotTaker
from terrella.journal.sources import Sources
from terrella.kernel import Clock

_log = logging.getLogger(__name__)

# Between two steps of comparing in the background, of 1.5 ms each.
_BACKGROUND_PACE_S = 0.01


class Parts:
    """Made once for a replicator; makes the parts of each of its connections."""

    def __init__(self, journal: Journal, sources: Sources, clock: Clock) -> None:
        self._journal = journal
        self._sources = sources
        self._clock = clock
        self._claims: dict[str, SnapshotTaker[StartWork]] = {}
        self._target = StoreTarget(journal.store)
        self._source = StoreSource(journal.store, journal.reader, CHUNK_ROWS_MAX, CHUNK_BYTES_MAX)
        self._admission = Admission(journal.store, journal.standing_changed)
        self._replica = Replica(journal.store, journal.reader, clock)
        self._clients: dict[str, VerifyClient] = {}
        self._heads: Heads = {}
        self._turns: set[asyncio.Task[None]] = set()
        self.reports: dict[tuple[str, str], VerifyReport] = {}

    def of_puller(self, peer: str, nudge: Callable[[], None]) -> Sequence[PullerPart]:
        """For a connection that was opened from here; ``nudge`` has what waits sent."""
        client = self._clients[peer] = VerifyClient(nudge)
        return [
            Drainer(self._journal.store, self._held_by_members, self._drained),
            SnapshotTaker(self._target, self._claims),
            client,
        ]

    def of_server(self) -> Sequence[ServerPart]:
        """For a connection that was opened by a peer."""
        verifying = VerifyServer(self._replica, self._in_turns, self._perform_for_server)
        return [SnapshotSource(self._source), Drained(self._perform_for_server), verifying]

    async def stop(self) -> None:
        """End what goes on in the background."""
        tasks = list(self._turns)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    # comparing

    async def verify(
        self, data_set_id: str, peer: str, *, repair: bool = True, pause_s: float = PAUSE_S, pace_s: float = 0.0
    ) -> VerifyReport:
        """Compare a data set with a connected peer's, and mend what may be; raises ``VerificationError``."""
        definition = self._replica.state(data_set_id).definition
        if peer not in definition.members:
            raise VerificationError(f"{peer} is no member of {definition.name}")
        own = OwnSide(self._replica, self._journal.committer.slice, pace_s)
        others = {name: side for name, side in self._clients.items() if name != peer and name in definition.members}
        report = await verify(
            data_set_id,
            peer,
            own,
            self._client(peer),
            others,
            lambda: asyncio.sleep(pause_s),
            repair=repair,
        )
        self.reports[data_set_id, peer] = report
        return report

    async def verify_all(self, interval_s: float, fraction: Callable[[], float]) -> None:
        """Compare every data set with every member that comes after this one by name, now and then, until cancelled."""
        while True:
            await asyncio.sleep(interval_s * (0.5 + fraction()))
            for data_set_id, state in list(self._journal.store.catalog.data_sets.items()):
                for peer in state.definition.members:
                    if peer > self._journal.store.region and state.declared:
                        await self._verify_quietly(data_set_id, peer)

    async def _verify_quietly(self, data_set_id: str, peer: str) -> None:
        try:
            report = await self.verify(data_set_id, peer, pace_s=_BACKGROUND_PACE_S)
        except JournalError as error:
            _log.debug("data set %s was not compared with %s: %s", data_set_id, peer, error)
            return
        if not report.equal:
            _log.warning("data set %s differs from %s's at %d keys", data_set_id, peer, len(report.findings))

    def _client(self, peer: str) -> VerifyClient:
        client = self._clients.get(peer)
        if client is None:
            raise VerificationError(f"{peer} is not connected")
        return client

    def _in_turns(self, steps: Iterator[None], done: Callable[[], None]) -> None:
        async def run() -> None:
            for _ in steps:
                await asyncio.sleep(0)
            done()
            self._journal.changed()  # the answer waits to be sent

        task = asyncio.get_running_loop().create_task(run())
        self._turns.add(task)
        task.add_done_callback(self._turns.discard)

    # joining, draining

    def step(self, pullers: Iterable[Puller | None]) -> None:
        """Something was committed, or time has passed; ``pullers`` are those of the connections that stand."""
        if self._journal.committer.unavailable is not None:
            return
        offers = [puller.offer for puller in pullers if puller is not None and puller.offer is not None]
        heads = self._heads = {offer.peer: offer.heads for offer in offers}
        needed = self._sources.snapshot_needed
        excluded = {id_: epoch for offer in offers for id_, epoch in sorted(offer.excluded.items())}
        for effect in self._admission.step(heads, needed, excluded):
            self._perform(effect)

    def _held_by_members(self, data_set_id: str, origin: Origin) -> int | None:
        state = self._journal.store.catalog.declared(data_set_id)
        return held_by_members(state, self._journal.store.region, self._heads, origin)

    def _drained(self, data_set_id: str, region: str) -> None:
        epoch = self._journal.store.catalog.declared(data_set_id).definition.epoch
        self._journal.standing_changed(StandingChange(data_set_id, Event.DRAINED, epoch, region))

    def _perform_for_server(self, work: Work, done: Callable[[object], None]) -> None:
        """A peer's order; if it cannot be done, the peer hears nothing, and asks again over its next connection."""

        def settled(future: "asyncio.Future[object]") -> None:
            error = None if future.cancelled() else future.exception()
            if error is None and not future.cancelled():
                done(future.result())
                self._journal.changed()
            elif isinstance(error, JournalError):
                _log.warning("a peer's order was not carried out: %s", error)
            elif error is not None:
                raise error

        self._journal.committer.slice(work).add_done_callback(settled)

    def _perform(self, effect: Perform) -> None:
        def settled(future: "asyncio.Future[object]") -> None:
            if future.cancelled():
                return
            error = future.exception()
            if error is None:
                effect.done(future.result(), self._clock.monotonic())
                return
            self._admission.failed()
            if not isinstance(error, JournalError):
                raise error
            _log.warning("a step of joining or leaving failed, and is tried again: %s", error)

        self._journal.committer.slice(effect.work).add_done_callback(settled)
