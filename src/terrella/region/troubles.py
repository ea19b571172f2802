"""What a person should look after in a region's replication, a sentence each; nothing if all is well."""

from collections.abc import Iterator, Mapping

from terrella.journal import JournalStatus, PeerStatus


def troubles(
    journal: JournalStatus, peers: Mapping[str, PeerStatus], snapshots_needed: Mapping[str, str]
) -> Iterator[str]:
    """Stores that take no writes, lanes that stand still, snapshots that are needed or under way, peers that forgot."""
    names = {one.id: one.name for one in journal.data_sets}
    if journal.unavailable:
        yield f"nothing can be written: {journal.unavailable}"
    if journal.refusal:
        yield f"nothing that is replicated can be written: {journal.refusal}"
    for one in journal.data_sets:
        if one.standing != "member":
            yield f"{one.name}: this region is {one.standing}"
        if one.parked:
            records = "1 record is" if one.parked == 1 else f"{one.parked} records are"
            yield f"{one.name}: {records} parked, which cannot be applied (terrella parked)"
    for data_set_id, source in snapshots_needed.items():
        yield f"{names.get(data_set_id, data_set_id)} needs a snapshot; the best source is {source}"
    for peer, status in peers.items():
        for data_set_id, reason in status.stopped.items():
            yield f"{names.get(data_set_id, data_set_id)} of {peer} has stopped: {reason}"
        for data_set_id, epoch in status.excluded.items():
            yield f"{peer} does not share {names.get(data_set_id, data_set_id)} any more, as of epoch {epoch}"
        if status.rolled_back:
            yield f"{peer} has lost records that are here: its disk was lost, or restored from an old image"
    if journal.trimmed_beyond_peers:
        count = journal.trimmed_beyond_peers
        yield f"{count} records were trimmed that a peer lacks, because the log had come to its bound"
    if journal.skewed_records:
        yield f"{journal.skewed_records} records are from a clock that is more than a minute ahead"
