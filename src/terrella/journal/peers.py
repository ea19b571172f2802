"""One peer as it is seen from here, in figures."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class PeerStatus:
    """One peer, as seen from here.

    ``lag_ms`` is how far this region is behind it, but for what is fetched on a schedule (None: unknown).
    ``records_behind`` is the same in records, all of them: None if that is unknown; while the peer's records come only
    ``via`` another, at least so many as that one holds.
    ``unacknowledged`` are this region's own records that it does not hold, as far as it has said. ``stopped`` names
    data sets with a record of the peer's that cannot be applied, ``snapshots_required`` those that it has trimmed
    beyond what is here, ``excluded`` those that it does not share with this region any more, each with the epoch.
    ``rolled_back`` are lives of the peer of which more is held here than there: its disk was lost, or is an old image.
    """

    connected: bool
    via: str | None
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
    excluded: Mapping[str, int]
    rolled_back: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class DataSetFigures:
    """One peer's records of one data set, as they stand here.

    ``held`` is how many of them are held, ``head`` how many are known to exist (None: nobody connected has said), as of
    ``heard_ms_ago`` (None: only a relay has said it, and how old that is cannot be known). ``via`` is who relays them.
    ``samples_ms`` are the latest lags that were measured, oldest first.
    """

    held: int
    head: int | None
    heard_ms_ago: float | None
    lag_ms: float | None
    samples_ms: tuple[float, ...]
    via: str | None

    @property
    def records_behind(self) -> int | None:
        """How many are known to exist and are not here."""
        return None if self.head is None else max(0, self.head - self.held)
