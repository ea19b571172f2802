"""How far a region is behind one peer, in time.

Caught up, the lag is what recent records took from their write there to their commit here, or what a heartbeat takes
if there were none. Behind, it is the time since the moment up to which everything of the peer's is here. It is
unknown when the peer cannot be heard. All of it compares two regions' wall clocks, and is as good as these agree.
"""

from collections import deque

_WINDOW_RECORDS = 1000
_RECENT_S = 2.0
# Between two heartbeats nothing new can be known: an age up to this is no lag.
_HEARTBEAT_GRACE_MS = 500.0


class LagMeter:
    """Fed with what the peer says and with what is applied; kept over reconnections."""

    def __init__(self) -> None:
        self._samples: deque[float] = deque(maxlen=_WINDOW_RECORDS)
        self._recent_ms = 0.0
        self._recent_at = -_RECENT_S
        self._transit_ms = 0.0
        self._complete_ms: int | None = None

    def heard(self, peer_clock_ms: int, now_ms: int) -> None:
        """A heartbeat that was sent at ``peer_clock_ms`` has arrived."""
        self._transit_ms = max(0.0, float(now_ms - peer_clock_ms))

    def applied(self, written_ms: int, now_ms: int, now: float) -> None:
        """Records are committed here, the first of which was written at ``written_ms``, by the peer's clock."""
        self._recent_ms = max(0.0, float(now_ms - written_ms))
        self._recent_at = now
        self._samples.append(self._recent_ms)
        self._complete_ms = max(self._complete_ms or 0, written_ms)

    def caught_up(self, peer_clock_ms: int) -> None:
        """Everything that the peer held at ``peer_clock_ms`` is here."""
        self._complete_ms = max(self._complete_ms or 0, peer_clock_ms)

    @property
    def complete_ms(self) -> int | None:
        """The moment, by the peer's clock, up to which everything of the peer's is known to be here."""
        return self._complete_ms

    def lag_ms(self, behind: int | None, now_ms: int, now: float) -> float | None:
        """The lag, given the number of records behind (None if unknown)."""
        if behind is None or self._complete_ms is None:
            return None
        age_ms = max(0.0, float(now_ms - self._complete_ms))
        if behind:
            return age_ms
        if age_ms > _HEARTBEAT_GRACE_MS + self._transit_ms:
            return age_ms
        return self._recent_ms if now - self._recent_at < _RECENT_S else self._transit_ms

    @property
    def samples_ms(self) -> tuple[float, ...]:
        """The latest lags that were measured, oldest first."""
        return tuple(self._samples)

    def percentile_ms(self, share: float) -> float | None:
        """Of the last thousand measured slices of records: the lag that ``share`` (0 to 1) of them did not exceed."""
        if not self._samples:
            return None
        ordered = sorted(self._samples)
        return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


class Lags:
    """The meters of every region whose records are pulled: one for all of them, and one for each data set."""

    def __init__(self) -> None:
        self._regions: dict[str, LagMeter] = {}
        self._data_sets: dict[tuple[str, str], LagMeter] = {}

    def of(self, region: str) -> LagMeter:
        """All records of a region."""
        meter = self._regions.get(region)
        if meter is None:
            meter = self._regions[region] = LagMeter()
        return meter

    def of_data_set(self, region: str, data_set_id: str) -> LagMeter:
        """A region's records of one data set."""
        meter = self._data_sets.get((region, data_set_id))
        if meter is None:
            meter = self._data_sets[region, data_set_id] = LagMeter()
        return meter

    def applied(
        self, region: str, data_set_id: str, written_ms: int, now_ms: int, now: float, *, scheduled: bool = False
    ) -> None:
        """Records of a region are committed here, whoever sent them.

        What comes on a schedule is late on purpose, and tells nothing of how far the region as a whole is behind.
        """
        if not scheduled:
            self.of(region).applied(written_ms, now_ms, now)
        self.of_data_set(region, data_set_id).applied(written_ms, now_ms, now)
