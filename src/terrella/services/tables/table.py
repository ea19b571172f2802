"""A table that can be worked with: its keys as bytes, its indexes, and what AWS demands of items and keys."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import msgspec

from terrella.journal import Lane
from terrella.kernel import AwsError
from terrella.services.tables.definition import TableDefinition
from terrella.services.tables.keys import encode_closed, encode_open
from terrella.services.tables.parts import IndexDefinition, KeyAttributes
from terrella.services.tables.values import (
    Item,
    binary_length_bytes,
    invalid,
    invalid_parameters,
    text_size_bytes,
    value_type,
)

PARTITION_KEY_MAX_BYTES = 2048
SORT_KEY_MAX_BYTES = 1024

# No index of a user's can have this name.
TIME_TO_LIVE_INDEX = "time to live"

encode_item: Callable[[Any], bytes] = msgspec.json.Encoder().encode
decode_item: Callable[[bytes], Any] = msgspec.json.Decoder().decode


@dataclass(frozen=True, slots=True)
class TableRecord:
    """A table as the catalog keeps it.

    ``created_ms`` since 1970; ``logical_id`` and ``stack`` are empty for a table made by CreateTable, which is
    ``called`` by another identity then.
    """

    definition: TableDefinition
    data_set_id: str
    lane: str
    members: tuple[str, ...]
    table_id: str
    created_ms: int
    generation: int
    stack: str = ""
    logical_id: str = ""
    called: str = ""

    @property
    def identity(self) -> str:
        """What regions call this table among themselves, whatever its name: every region of its stack derives it."""
        return self.called or f"{self.stack}\0{self.logical_id}"

    @property
    def replicated(self) -> bool:
        """Whether it is, or may become, held by several regions."""
        return self.lane != "local"

    every_s: float = 0.0
    witness: str = ""


def schema_mismatch() -> AwsError:
    """What AWS says of a key that is not the table's."""
    return invalid("The provided key element does not match the schema")


class KeySchema:
    """Key attributes with their types: of the table, or of an index. ``pairs`` are (name, type)."""

    def __init__(self, key: KeyAttributes, types: dict[str, str]) -> None:
        self.names = key.names
        self.partition = key.partition
        self.sort = key.sort
        self.partition_type = types[key.partition]
        self.sort_type = types[key.sort] if key.sort is not None else ""
        self.pairs = tuple((name, types[name]) for name in key.names)

    def encode(self, attributes: Item) -> bytes:
        """The key of attributes that were checked."""
        if self.sort is None:
            return encode_open(attributes[self.partition])
        return encode_closed(attributes[self.partition]) + encode_open(attributes[self.sort])

    def takes(self, attributes: Item) -> bool:
        """Whether attributes have a key of this schema: what an index asks of an item that was checked elsewhere."""
        for name, kind in self.pairs:
            value = attributes.get(name)
            if value is None or value.get(kind) in (None, ""):
                return False
        return True


class Index:
    """A secondary index of a table."""

    def __init__(self, definition: IndexDefinition, table: TableDefinition) -> None:
        self.definition = definition
        self.name = definition.name
        self.local = definition.local
        self.key = KeySchema(definition.key, table.attribute_types)
        projection = definition.projection
        self.shows_all = projection.kind == "ALL"
        self.shown = frozenset((*table.key.names, *definition.key.names, *projection.attributes))

    def view(self, item: Item) -> Item:
        """The attributes of an item that the index shows."""
        if self.shows_all:
            return item
        return {name: value for name, value in item.items() if name in self.shown}


class Table:
    """One table, as long as its definition stays the same."""

    def __init__(self, record: TableRecord) -> None:
        definition = record.definition
        self.record = record
        self.definition = definition
        self.name = definition.name
        self.data_set_id = record.data_set_id
        self.strong = record.lane == Lane.SYNC
        self.key = KeySchema(definition.key, definition.attribute_types)
        self.indexes = {each.name: Index(each, definition) for each in definition.indexes}
        self._index_keys = [(name, kind, index) for index in self.indexes.values() for name, kind in index.key.pairs]

    # keys

    def key_of(self, key: Item) -> bytes:
        """The encoded key of a ``Key`` parameter that was checked: exactly the key attributes. Raises ``AwsError``."""
        if len(key) != len(self.key.names):
            raise schema_mismatch()
        for name, kind in self.key.pairs:
            content = key[name].get(kind) if name in key else None
            if content is None:
                raise schema_mismatch()
            self._check_content(name, kind, content)
        return self.key.encode(key)

    def key_of_item(self, item: Item) -> bytes:
        """The encoded key of an item that was checked; raises ``AwsError`` as PutItem does."""
        for name, kind in self.key.pairs:
            value = item.get(name)
            if value is None:
                raise invalid_parameters(f"Missing the key {name} in the item")
            content = value.get(kind)
            if content is None:
                raise invalid_parameters(f"Type mismatch for key {name} expected: {kind} actual: {value_type(value)}")
            self._check_content(name, kind, content)
        return self.key.encode(item)

    def _check_content(self, name: str, kind: str, content: str) -> None:
        if kind == "N":
            return
        if not content:
            noun = "string" if kind == "S" else "binary"
            raise invalid(
                "One or more parameter values are not valid. "
                f"The AttributeValue for a key attribute cannot contain an empty {noun} value. Key: {name}"
            )
        if len(content) * 4 > SORT_KEY_MAX_BYTES:
            self._check_key_size(name, text_size_bytes(content) if kind == "S" else binary_length_bytes(content))

    def _check_key_size(self, name: str, size_bytes: int) -> None:
        if name == self.key.partition and size_bytes > PARTITION_KEY_MAX_BYTES:
            raise invalid_parameters("Size of hashkey has exceeded the maximum size limit of2048 bytes")
        if name == self.key.sort and size_bytes > SORT_KEY_MAX_BYTES:
            raise invalid_parameters("Aggregated size of all range keys has exceeded the size limit of 1024 bytes")

    def key_attributes(self, item: Item) -> Item:
        """The table's key out of an item."""
        return {name: item[name] for name in self.key.names}

    # indexes

    def index(self, name: str) -> Index:
        """An index by name; raises ``AwsError``."""
        index = self.indexes.get(name)
        if index is None:
            raise invalid(f"The table does not have the specified index: {name}")
        return index

    def check_index_attributes(self, item: Item, *, updating: bool = False) -> None:
        """Attributes that are part of an index's key have its type and are not empty; raises ``AwsError``."""
        for name, kind, index in self._index_keys:
            value = item.get(name)
            if value is None:
                continue
            content = value.get(kind)
            if content is None:
                if updating:
                    raise invalid(
                        "The update expression attempted to update the secondary index key to unsupported type"
                    )
                raise invalid_parameters(
                    f"Type mismatch for Index Key {name} Expected: {kind} Actual: {value_type(value)} "
                    f"IndexName: {index.name}"
                )
            if content == "":
                noun = "string" if kind == "S" else "binary"
                raise invalid(
                    "One or more parameter values are not valid. A value specified for a secondary index key is not "
                    f"supported. The AttributeValue for a key attribute cannot contain an empty {noun} value. "
                    f"IndexName: {index.name}, IndexKey: {name}"
                )
            self._check_index_key_size(name, kind, content, index)

    def _check_index_key_size(self, name: str, kind: str, content: str, index: Index) -> None:
        if kind == "N" or len(content) * 4 <= SORT_KEY_MAX_BYTES:
            return
        size_bytes = text_size_bytes(content) if kind == "S" else binary_length_bytes(content)
        partition = name == index.key.partition
        limit = PARTITION_KEY_MAX_BYTES if partition else SORT_KEY_MAX_BYTES
        if size_bytes > limit:
            raise invalid_parameters(
                f"Size of {'hashkey' if partition else 'rangekey'} has exceeded the maximum size limit of {limit} bytes"
            )

    def indexer(self) -> Callable[[bytes, bytes], Iterable[tuple[str, bytes]]] | None:
        """What the journal calls for every version that it stores; None if there is no index.

        Replicated items come without having been checked here: one that an index cannot take is left out of it.
        """
        indexes = tuple(self.indexes.values())
        attribute = self.definition.time_to_live
        if not indexes and not attribute:
            return None

        def entries(_key: bytes, value: bytes) -> list[tuple[str, bytes]]:
            item = decode_item(value)
            found = [(index.name, index.key.encode(item)) for index in indexes if index.key.takes(item)]
            if attribute and (moment_s := _moment_s(item.get(attribute))) is not None:
                found.append((TIME_TO_LIVE_INDEX, moment_key(moment_s)))
            return found

        return entries

    def index_fingerprints(self) -> dict[str, str]:
        """By index, what its entries depend on: with another fingerprint the journal fills it anew."""
        fingerprints = {
            index.name: ",".join(f"{name}:{kind}" for name, kind in index.key.pairs) for index in self.indexes.values()
        }
        if self.definition.time_to_live:
            fingerprints[TIME_TO_LIVE_INDEX] = self.definition.time_to_live
        return fingerprints

    def check_paths(self, nested_heads: Iterable[str]) -> None:
        """Key attributes are scalars, so no path goes into one; raises ``AwsError``."""
        heads = set(nested_heads)
        if not heads:
            return
        words = "Key attributes must be scalars; list random access '[]' and map lookup '.' are not allowed: "
        for name in self.key.names:
            if name in heads:
                raise invalid(f"{words}Key: {name}")
        for name, _, _ in self._index_keys:
            if name in heads:
                raise invalid(f"{words}IndexKey: {name}")


def moment_key(moment_s: int) -> bytes:
    """Seconds since 1970 as the index of moments has them."""
    return max(0, moment_s).to_bytes(8, "big")


def _moment_s(value: dict[str, Any] | None) -> int | None:
    """When an item expires, by its attribute; None for one that says nothing of the kind."""
    number = value.get("N") if value else None
    if number is None:
        return None
    whole = number.partition(".")[0]
    if not whole.isdecimal() or len(whole) > 18:  # negative, or beyond all time
        return None
    return int(whole) or None
