"""What goes on over a region's connections besides pulling, bound to its journal: snapshots, draining, admission."""

import asyncio
import logging
from collections.abc import Callable, Iterable, Sequence

from terrella.journal.admission import Admission, Event, StandingChange
from terrella.journal.draining import Drained, Drainer
from terrella.journal.errors import JournalError
from terrella.journal.joining import StartWork, StoreSource, StoreTarget
from terrella.journal.journal import Journal
from terrella.journal.pulling import Perform, Puller, PullerPart, Work
from terrella.journal.serving import ServerPart
from terrella.journal.snapshot import CHUNK_BYTES_MAX, CHUNK_ROWS_MAX, SnapshotSource, SnapshotTaker
from terrella.journal.sources import Sources
from terrella.kernel import Clock

_log = logging.getLogger(__name__)


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

    def of_puller(self) -> Sequence[PullerPart]:
        """For a connection that was opened from here."""
        return [SnapshotTaker(self._target, self._claims), Drainer(self._journal.store, self._drained)]

    def of_server(self) -> Sequence[ServerPart]:
        """For a connection that was opened by a peer."""
        return [SnapshotSource(self._source), Drained(self._perform_for_server)]

    def step(self, pullers: Iterable[Puller | None]) -> None:
        """Something was committed, or time has passed; ``pullers`` are those of the connections that stand."""
        if self._journal.committer.unavailable is not None:
            return
        offers = [puller.offer for puller in pullers if puller is not None and puller.offer is not None]
        heads = {offer.peer: offer.heads for offer in offers}
        needed = self._sources.snapshot_needed
        excluded = {id_: epoch for offer in offers for id_, epoch in sorted(offer.excluded.items())}
        for effect in self._admission.step(heads, needed, excluded):
            self._perform(effect)

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
