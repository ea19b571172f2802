"""Reading a table or an index page by page: what Query and Scan share."""

import asyncio
import zlib
from dataclasses import dataclass

import msgspec

from terrella.services.tables.capacity import Meter, read_units
from terrella.services.tables.engine import Engine
from terrella.services.tables.expressions import Condition, Path, matches, project
from terrella.services.tables.keys import encode_closed
from terrella.services.tables.strong import settle
from terrella.services.tables.table import Index, KeySchema, Table, decode_item, encode_item
from terrella.services.tables.values import Item, attributes_size_bytes

PAGE_MAX_BYTES = 1024 * 1024
_FIRST_CHUNK = 32
_CHUNK_MAX = 256
_CHUNK_BYTES = 256 * 1024

Position = tuple[bytes, bytes]
"""A place in a walk: (the index's key, empty for a table; the item's key)."""


@dataclass(frozen=True, slots=True)
class Walk:
    """What is read: a table or one of its indexes, from ``low`` to before ``high`` (None: no bound), in which order.

    ``after`` is where the page before this one ended.
    """

    table: Table
    index: Index | None
    low: bytes | None = None
    high: bytes | None = None
    reverse: bool = False
    after: Position | None = None

    @property
    def key(self) -> KeySchema:
        """The key by which the walk is ordered."""
        return self.index.key if self.index is not None else self.table.key

    def position(self, attributes: Item) -> Position:
        """Where an item with these key attributes stands."""
        item_key = self.table.key.encode(attributes)
        return (self.index.key.encode(attributes) if self.index is not None else b"", item_key)

    def key_names(self) -> tuple[str, ...]:
        """The attributes that tell a place in the walk: the table's key, then the index's."""
        return tuple(dict.fromkeys((*self.table.key.names, *self.key.names)))

    def inside(self, position: Position) -> bool:
        """Whether a place lies between the bounds."""
        key = position[0] if self.index is not None else position[1]
        return (self.low is None or key >= self.low) and (self.high is None or key < self.high)

    def read(self, engine: Engine, after: Position | None, limit: int) -> list[tuple[Position, bytes]]:
        """The next entries: where each stands, and its item as stored."""
        first, last = (self.high, self.low) if self.reverse else (self.low, self.high)
        exclusive = self.reverse or after is not None
        if self.index is None:
            found = engine.journal.scan(
                self.table.data_set_id,
                start=after[1] if after else first,
                end=last,
                start_exclusive=exclusive,
                reverse=self.reverse,
                limit=limit,
            )
            return [((b"", entry.key), entry.version.value or b"{}") for entry in found]
        indexed = engine.journal.scan_index(
            self.table.data_set_id,
            self.index.name,
            start=after or (None if first is None else (first, b"")),
            end=None if last is None else (last, b""),
            start_exclusive=exclusive,
            reverse=self.reverse,
            limit=limit,
        )
        return [((entry.index_key, entry.key), entry.version.value or b"{}") for entry in indexed]


@dataclass(frozen=True, slots=True)
class Selection:
    """What of the items that a walk meets is answered. ``whole`` shows attributes that the index does not project."""

    filter: Condition | None = None
    projection: list[Path] | None = None
    whole: bool = False
    count_only: bool = False
    segment: tuple[int, int] | None = None


class _Page:
    """Takes entries until the page is full."""

    def __init__(self, walk: Walk, selection: Selection, limit: int | None, measured: bool) -> None:
        self._walk = walk
        self._selection = selection
        self._limit = limit
        index = walk.index
        self._narrow = index is not None and not index.shows_all and not selection.whole
        decoding = self._narrow or selection.filter is not None or selection.projection is not None
        self._decodes = decoding or measured or selection.segment is not None
        self._stored: list[bytes] = []
        self._stored_bytes = 0
        self.size_bytes = 0
        self.scanned = 0
        self.kept: list[bytes] = []
        self.count = 0
        self.last: bytes | None = None
        self.full = False

    def take(self, stored: bytes) -> bool:
        """The next entry of the walk; answers whether there is room for more."""
        if self._decodes:
            self._take_decoded(stored)
        else:
            self._take_raw(stored)
        self.full = self.full or (self._limit is not None and self.scanned >= self._limit)
        return not self.full

    def _take_raw(self, stored: bytes) -> None:
        """Nothing of the item is looked at.

        Its JSON is never shorter than its size, so sizes are only worked out once the JSON would fill the page.
        """
        self._note(stored)
        self.kept.append(stored)
        self.count += 1
        self._stored.append(stored)
        self._stored_bytes += len(stored)
        if self._stored_bytes >= PAGE_MAX_BYTES:
            self.size_bytes += sum(attributes_size_bytes(decode_item(each)) for each in self._stored)
            self._stored_bytes = self.size_bytes
            self._stored.clear()
            self.full = self.size_bytes >= PAGE_MAX_BYTES

    def _take_decoded(self, stored: bytes) -> None:
        item: Item = decode_item(stored)
        selection, walk = self._selection, self._walk
        if selection.segment is not None and not _in_segment(item, walk.key, selection.segment):
            return
        self._note(stored)
        shown = walk.index.view(item) if self._narrow and walk.index is not None else item
        self.size_bytes += attributes_size_bytes(shown)
        self.full = self.size_bytes >= PAGE_MAX_BYTES
        if selection.filter is not None and not matches(selection.filter, shown):
            return
        self.count += 1
        if selection.count_only:
            return
        if selection.projection is not None:
            self.kept.append(encode_item(project(selection.projection, shown)))
        else:
            self.kept.append(stored if shown is item else encode_item(shown))

    def _note(self, stored: bytes) -> None:
        self.scanned += 1
        self.last = stored


def _in_segment(item: Item, key: KeySchema, segment: tuple[int, int]) -> bool:
    number, total = segment
    return zlib.crc32(encode_closed(item[key.partition])) % total == number


async def read_page(
    engine: Engine, walk: Walk, selection: Selection, limit: int | None, meter: Meter | None, consistent: bool
) -> bytes:
    """One page as the answer's JSON."""
    await settle(engine.journal, walk.table, consistent)
    page = _Page(walk, selection, limit, measured=meter is not None)
    after = walk.after
    chunk = _FIRST_CHUNK
    while not page.full:
        if limit is not None and selection.segment is None:
            chunk = min(chunk, limit - page.scanned)
        entries = walk.read(engine, after, chunk)
        read_bytes = 0
        for position, stored in entries:
            after = position
            read_bytes += len(stored)
            if not page.take(stored):
                break
        if len(entries) < chunk:
            break
        chunk = max(1, min(_CHUNK_MAX, _CHUNK_BYTES * len(entries) // max(1, read_bytes)))
        await asyncio.sleep(0)  # other requests have their turn
    if meter is not None:
        units = read_units(page.size_bytes, consistent)
        if walk.index is None:
            meter.add_table(units)
        else:
            meter.add_index(walk.index, units)
    return _answer(walk, selection, page, meter)


def _answer(walk: Walk, selection: Selection, page: _Page, meter: Meter | None) -> bytes:
    parts = [b'{"Count":%d,"ScannedCount":%d' % (page.count, page.scanned)]
    if not selection.count_only:
        parts.append(b',"Items":[' + b",".join(page.kept) + b"]")
    if page.full and page.last is not None:
        item = decode_item(page.last)
        last_key = {name: item[name] for name in walk.key_names()}
        parts.append(b',"LastEvaluatedKey":' + encode_item(last_key))
    if meter is not None:
        parts.append(b',"ConsumedCapacity":' + msgspec.json.encode(meter.shown()))
    parts.append(b"}")
    return b"".join(parts)
