"""A disk that is full."""

from collections.abc import Sequence

from terrella.journal import Journal
from terrella.region.faults.model import ActiveFault
from terrella.region.faults.parameters import Nothing


class FullDisk:
    """The region's store refuses what would be written, as it does when the disk is really full; reading goes on."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal

    def check(self, fault: ActiveFault[Nothing]) -> None:
        """It can always be."""

    def apply(self, faults: Sequence[ActiveFault[Nothing]]) -> None:
        """Full while there is any fault that says so."""
        self._journal.hold_full(bool(faults))
