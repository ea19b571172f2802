"""A group's state as of one moment, read in one go into a file of its own, and sent from there at the link's pace.

The read transaction lasts as long as the local disk takes, not as long as the network does: so the store's write-ahead
log is held up for a moment only.
"""

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import apsw
import msgspec

from terrella.journal.schema import SEQUENCE_MASK
from terrella.journal.sync.frames import SnapshotPart

PART_BYTES = 256 * 1024

_ITEMS = "select key, value, dot, hlc from items where data_set = ? and value is not null order by key"
_PROPOSALS = "select id, entry, outcome from raft_proposals where data_set = ? order by entry, id"
_APPLIED = "select applied from raft_groups where data_set = ?"

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(SnapshotPart).decode


class Spool:
    """Parts in a file that goes when it is closed. ``index`` is the last entry that is in them."""

    def __init__(self) -> None:
        self.index = 0
        self.parts = 0
        self._file: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - closed by ``close``

    def add(self, part: SnapshotPart) -> None:
        """Put one at the end."""
        data = _encode(part)
        self._file.write(len(data).to_bytes(4, "big") + data)
        self.parts += 1

    def read(self) -> Iterator[SnapshotPart]:
        """All, in order."""
        self._file.seek(0)
        while length := self._file.read(4):
            yield _decode(self._file.read(int.from_bytes(length, "big")))

    def close(self) -> None:
        """Forget all."""
        self._file.close()


def spool_state(path: Path, data_set_number: int) -> Spool:
    """Read a group's state; for a thread of its own."""
    connection = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READONLY)
    spool = Spool()
    try:
        connection.execute("begin")
        spool.index = connection.execute(_APPLIED, (data_set_number,)).get
        items, size = [], 0
        for key, value, dot, hlc in connection.execute(_ITEMS, (data_set_number,)):
            items.append((key, value, dot & SEQUENCE_MASK, hlc))
            size += len(key) + len(value) + 16
            if size >= PART_BYTES:
                spool.add(SnapshotPart(items, []))
                items, size = [], 0
        proposals: list[Any] = connection.execute(_PROPOSALS, (data_set_number,)).fetchall()
        spool.add(SnapshotPart(items, proposals))
    except BaseException:
        spool.close()
        raise
    finally:
        connection.close()
    return spool
