"""Replication to and from the region that is paused, while its links stand."""

from collections.abc import Sequence

from terrella.journal import Replicator
from terrella.region.faults.model import ActiveFault
from terrella.region.faults.parameters import Nothing


class PausedReplication:
    """The region neither pulls from the others nor lets them pull, and is alone in the lane ``sync``."""

    def __init__(self, replicator: Replicator) -> None:
        self._replicator = replicator
        self._paused = False

    def check(self, fault: ActiveFault[Nothing]) -> None:
        """It can always be."""

    def apply(self, faults: Sequence[ActiveFault[Nothing]]) -> None:
        """Paused while there is any fault that says so."""
        if self._paused != bool(faults):
            self._paused = bool(faults)
            if self._paused:
                self._replicator.pause()
            else:
                self._replicator.resume()
