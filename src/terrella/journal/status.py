"""What a journal says of itself."""

from dataclasses import dataclass

from terrella.journal.model import Lane, Origin
from terrella.journal.standing import standing_of
from terrella.journal.state import DataSetState
from terrella.journal.store import Store


@dataclass(frozen=True, slots=True)
class DataSetStatus:
    """A data set: what is held and applied of each origin, the oldest sequence still in the log, and what is stored.

    ``bytes`` are those of live keys and values. ``parked`` counts records that are held and cannot be applied,
    ``unindexed`` items that an index could not take, as often as it was tried since the store was opened. ``standing``
    is how this region stands to it: ``member``, ``evicted``, or a phase of joining or leaving.
    """

    id: str
    name: str
    lane: Lane
    members: tuple[str, ...]
    vector: dict[Origin, int]
    applied: dict[Origin, int]
    floor: dict[Origin, int]
    items: int
    bytes: int
    conflicts: int
    parked: int
    unindexed: int
    joining: tuple[str, ...] = ()
    epoch: int = 0
    standing: str = "member"


@dataclass(frozen=True, slots=True)
class JournalStatus:
    """The journal of a region.

    ``at_risk`` counts own writes that are committed here and that no other member has acknowledged; ``unacknowledged``
    those that each peer has not acknowledged. (Conflict entries of earlier incarnations may be counted with them.)
    ``unavailable`` says why nothing can be written, ``refusal`` why nothing that is replicated can: the log is full.
    ``skewed_records`` were stamped too far in the future to follow. ``log_bytes`` are those of all records kept for
    peers; ``trimmed_beyond_peers`` counts records that were dropped although a holder lacked them, because the log had
    come to its bound: it will need a snapshot.
    """

    region: str
    incarnation: str
    data_sets: tuple[DataSetStatus, ...]
    at_risk: int
    unacknowledged: dict[str, int]
    unavailable: str | None
    skewed_records: int
    log_bytes: int
    trimmed_beyond_peers: int
    refusal: str | None


def journal_status(store: Store, unavailable: str | None) -> JournalStatus:
    """The status as of the last commit."""
    states = [state for state in store.catalog.data_sets.values() if state.declared and not state.dropped]
    at_risk = 0
    unacknowledged: dict[str, int] = {}
    for state in states:
        peers = [member for member in state.definition.holders if member != store.region]
        if not state.replicated or not peers:
            continue
        for stream in state.streams.values():
            if stream.region != store.region:
                continue
            missing = {peer: stream.writes_after(store.acknowledged.get(peer, {}).get(stream.id, 0)) for peer in peers}
            at_risk += min(missing.values())
            for peer, count in missing.items():
                unacknowledged[peer] = unacknowledged.get(peer, 0) + count
    return JournalStatus(
        region=store.region,
        incarnation=store.incarnation,
        data_sets=tuple(_data_set_status(state, store.region) for state in states),
        at_risk=at_risk,
        unacknowledged=unacknowledged,
        unavailable=unavailable,
        skewed_records=store.skewed_records,
        log_bytes=store.log_bytes,
        trimmed_beyond_peers=store.trimmed_beyond_peers,
        refusal=store.refusal,
    )


def _data_set_status(state: DataSetState, region: str) -> DataSetStatus:
    definition = state.definition
    return DataSetStatus(
        id=definition.id,
        name=definition.name,
        lane=definition.lane,
        members=definition.members,
        vector=dict(state.vector),
        applied=dict(state.applied),
        floor={stream.origin: stream.floor for stream in state.streams.values() if stream.committed},
        items=state.committed_items,
        bytes=state.committed_bytes,
        conflicts=state.conflicts,
        parked=state.parked,
        unindexed=state.unindexed,
        joining=definition.joining,
        epoch=definition.epoch,
        standing=standing_of(definition, region, state.join),
    )
