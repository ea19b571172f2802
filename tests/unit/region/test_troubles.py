"""What is wrong with a region's replication, in sentences."""

from dataclasses import replace

from terrella.journal import DataSetStatus, JournalStatus, Lane, PeerStatus
from terrella.region.troubles import troubles

ITEMS = DataSetStatus(
    id="i1",
    name="items",
    lane=Lane.ASYNC,
    members=("us-east-1",),
    vector={},
    applied={},
    floor={},
    items=0,
    bytes=0,
    conflicts=0,
    parked=0,
    unindexed=0,
)
WELL = JournalStatus("us-east-1", "e1", (ITEMS,), 0, {}, None, 0, 0, 0, None)
PEER = PeerStatus(True, None, 1.0, 1.0, 1.0, 1.0, 0, 0, 0, 0, None, {}, (), {}, ())


def test_nothing_is_said_while_all_is_well() -> None:
    assert list(troubles(WELL, {"eu-west-1": PEER}, {})) == []


def test_everything_that_is_wrong_is_said_by_name() -> None:
    journal = replace(
        WELL,
        data_sets=(replace(ITEMS, standing="copying", parked=1),),
        unavailable="the disk is full",
        refusal="the log is full",
        trimmed_beyond_peers=3,
        skewed_records=2,
    )
    peer = replace(PEER, stopped={"i1": "a record of format 9"}, excluded={"i1": 4}, rolled_back=("e0",))
    assert list(troubles(journal, {"eu-west-1": peer}, {"i1": "us-west-2"})) == [
        "nothing can be written: the disk is full",
        "nothing that is replicated can be written: the log is full",
        "items: this region is copying",
        "items: 1 record is parked, which cannot be applied (terrella parked)",
        "items needs a snapshot; the best source is us-west-2",
        "items of eu-west-1 has stopped: a record of format 9",
        "eu-west-1 does not share items any more, as of epoch 4",
        "eu-west-1 has lost records that are here: its disk was lost, or restored from an old image",
        "3 records were trimmed that a peer lacks, because the log had come to its bound",
        "2 records are from a clock that is more than a minute ahead",
    ]
