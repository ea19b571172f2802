"""Snapshots between regions: a leader sends a group's state, a member takes it in; each on a connection of its own."""

import asyncio
import logging
from collections.abc import Iterator
from pathlib import Path

from terrella.journal.errors import JournalError, ProtocolError
from terrella.journal.raft import CompactedError, InstallSnapshot
from terrella.journal.sync.founding import region_of
from terrella.journal.sync.frames import (
    Frame,
    SnapshotFinished,
    SnapshotHead,
    SnapshotPart,
    SnapshotTaken,
    Unpacker,
    pack,
)
from terrella.journal.sync.group import SyncGroup
from terrella.journal.sync.links import Link
from terrella.journal.sync.spool import Spool, spool_state
from terrella.kernel import Clock, Connection

_log = logging.getLogger(__name__)

WRITE_TIMEOUT_S = 30.0


async def send_state(group: SyncGroup, member: str, link: Link, path: Path, number: int, clock: Clock) -> None:
    """Send the group's state to a member; gives up, and will be asked again, if it cannot be."""
    node = group.node
    if node is None:
        return
    pin = node.applied
    group.pins.add(pin)
    spool: Spool | None = None
    try:
        spool = await asyncio.to_thread(spool_state, path, number)
        head = SnapshotHead(group.data_set_id, group.member, member, node.term, node.log.point(spool.index))
        connection = await link.connect()
        try:
            for content in _contents(head, spool):
                async with asyncio.timeout(WRITE_TIMEOUT_S):
                    await connection.write(pack(content))
                node.snapshot_moves(member, clock.monotonic())
            async with asyncio.timeout(WRITE_TIMEOUT_S):
                await _taken(connection)
        finally:
            connection.close()
    except (OSError, TimeoutError, CompactedError, JournalError) as error:
        _log.info("%s: the snapshot for %s is tried again: %s", group.data_set_id, region_of(member), error)
    finally:
        group.pins.discard(pin)
        if spool is not None:
            spool.close()


async def _taken(connection: Connection) -> None:
    """Wait until the other side has all: what is under way when a connection is closed is lost."""
    frames = Unpacker()
    while data := await connection.read():
        for content in frames.feed(data):
            if isinstance(content, SnapshotTaken):
                return
            raise ProtocolError(f"{type(content).__name__} in answer to a snapshot")
    raise ConnectionError("the connection ended before the snapshot was taken")


def _contents(head: SnapshotHead, spool: Spool) -> Iterator[Frame]:
    yield head
    yield from spool.read()
    yield SnapshotFinished(spool.parts)


class Arriving:
    """A snapshot that is being received."""

    def __init__(self, head: SnapshotHead) -> None:
        self.head = head
        self.spool = Spool()

    def receive(self, content: Frame) -> bool:
        """Take in a part; True when all are here. Raises ``ProtocolError``."""
        if isinstance(content, SnapshotPart):
            self.spool.add(content)
            return False
        if isinstance(content, SnapshotFinished) and content.parts == self.spool.parts:
            return True
        raise ProtocolError(f"{type(content).__name__} in the middle of a snapshot")

    @property
    def message(self) -> InstallSnapshot:
        """What it is for the core."""
        head = self.head
        return InstallSnapshot(head.leader, head.receiver, head.term, head.point, b"")
