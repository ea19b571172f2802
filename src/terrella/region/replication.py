"""What ``/_terrella/replication`` answers: the journal's figures of replication as JSON."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from typing import Any

import msgspec

from terrella.journal import Journal, Origin, PairFigures, ReplicaFigures, Replicator
from terrella.kernel import Clock, TerrellaError

WATCH_INTERVAL_S = 0.5


class ReplicationDesk:
    """Puts together what the replicator knows of each table and peer. Unknown values are None, each with its age."""

    def __init__(self, region: str, journal: Journal, replicator: Replicator, clock: Clock) -> None:
        self._region = region
        self._journal = journal
        self._replicator = replicator
        self._clock = clock

    def check(self, table: str | None) -> None:
        """Raises ``TerrellaError`` for a table that is not replicated here."""
        if table is None:
            return
        groups = {one.name for one in self._replicator.sync.status().values()}
        names = sorted({one.name for one in self._replicator.report.figures()} | groups)
        if table not in names:
            there_are = ", ".join(names) or "none"
            raise TerrellaError(f"there is no replicated table {table!r} in {self._region}; there are {there_are}")

    async def told(self, table: str | None = None) -> dict[str, Any]:
        """Everything, or of one table."""
        figures = await self._replicator.report.counted()
        return {
            "region": self._region,
            "incarnation": self._journal.store.incarnation,
            "clock_ms": self._clock.now_ms(),
            "peers": {name: _connection(msgspec.to_builtins(one)) for name, one in self._replicator.status().items()},
            "groups": [
                msgspec.to_builtins(one) for one in self._replicator.sync.status().values() if table in (None, one.name)
            ],
            "tables": [_table(one) for one in figures if table in (None, one.name)],
        }

    async def lines(self, table: str | None) -> AsyncIterator[bytes]:
        """The same again and again, a line each."""
        while True:
            yield msgspec.json.encode(await self.told(table)) + b"\n"
            await asyncio.sleep(WATCH_INTERVAL_S)


_CONNECTION = ("connected", "last_contact_ms_ago", "retries", "last_error", "records_applied")


def _connection(status: Mapping[str, Any]) -> dict[str, Any]:
    return {name: status[name] for name in _CONNECTION}


def _table(figures: ReplicaFigures) -> dict[str, Any]:
    return {
        "table": figures.name,
        "data_set": figures.id,
        "lane": figures.lane,
        "members": figures.members,
        "joining": figures.joining,
        "items": figures.items,
        "bytes": figures.bytes,
        "conflicts": figures.conflicts,
        "parked": figures.parked,
        "at_risk": figures.at_risk,
        "own": _vector(figures.own),
        "floor": _vector(figures.floor),
        "peers": {peer: _pair(pair) for peer, pair in figures.peers.items()},
    }


def _pair(pair: PairFigures) -> dict[str, Any]:
    behind, lacking = pair.behind, pair.lacking
    return {
        "lag_ms": behind.lag_ms,
        "lag_p50_ms": behind.p50_ms,
        "lag_p99_ms": behind.p99_ms,
        "last_lag_ms": behind.last_lag_ms,
        "known_ms_ago": behind.known_ms_ago,
        "complete_ms_ago": behind.complete_ms_ago,
        "records_behind": behind.records,
        "records_behind_at_least": behind.records_at_least,
        "bytes_behind": behind.bytes,
        "bytes_behind_exact": behind.bytes_exact,
        "theirs": _vector(pair.theirs),
        "unacknowledged": lacking.writes,
        "unacknowledged_bytes": lacking.bytes,
        "unacknowledged_oldest_ms": lacking.oldest_ms,
        "via": pair.via,
        "parked": pair.parked,
        "stopped": pair.stopped,
        "snapshot_required": pair.snapshot_required,
    }


def _vector(vector: Mapping[Origin, int]) -> dict[str, int]:
    """JSON has no pairs as keys."""
    return {f"{region}/{incarnation}": sequence for (region, incarnation), sequence in sorted(vector.items())}
