"""Consumed capacity, as AWS counts it. It is reported, not enforced."""

from typing import Any

from terrella.services.tables.table import Index, Table
from terrella.services.tables.values import Item, attributes_size_bytes

READ_UNIT_BYTES = 4096
WRITE_UNIT_BYTES = 1024


def read_units(size_bytes: int, consistent: bool) -> float:
    """For one read of so many bytes: a unit for each 4 KB begun, half of that if eventually consistent."""
    units = max(1, -(-size_bytes // READ_UNIT_BYTES))
    return float(units) if consistent else units / 2


def write_units(old: Item | None, new: Item | None) -> float:
    """For one write: a unit for each 1 KB begun of the larger of the two items."""
    size = max(attributes_size_bytes(item) if item else 0 for item in (old, new))
    return float(max(1, -(-size // WRITE_UNIT_BYTES)))


def index_write_units(index: Index, old: Item | None, new: Item | None) -> float:
    """What a write costs in an index: nothing if what it shows stays the same, twice if the entry moves."""
    before = index.view(old) if old is not None and index.key.takes(old) else None
    after = index.view(new) if new is not None and index.key.takes(new) else None
    if before == after:
        return 0.0
    if before is not None and after is not None and index.key.encode(before) != index.key.encode(after):
        return write_units(before, None) + write_units(None, after)
    return write_units(before, after)


class Meter:
    """Adds up one table's units, for one answer."""

    def __init__(self, table_name: str, mode: str) -> None:
        self._table_name = table_name
        self._mode = mode
        self._table = 0.0
        self._indexes: dict[str, dict[str, float]] = {}

    def add_table(self, units: float) -> None:
        """Units of the table itself."""
        self._table += units

    def add_index(self, index: Index, units: float) -> None:
        """Units of an index."""
        kind = "LocalSecondaryIndexes" if index.local else "GlobalSecondaryIndexes"
        by_name = self._indexes.setdefault(kind, {})
        by_name[index.name] = by_name.get(index.name, 0.0) + units

    def add_write(self, table: Table, old: Item | None, new: Item | None) -> None:
        """A write, its indexes included."""
        self.add_table(write_units(old, new))
        for index in table.indexes.values():
            units = index_write_units(index, old, new)
            if units:
                self.add_index(index, units)

    def shown(self) -> dict[str, Any]:
        """The ``ConsumedCapacity`` of the answer."""
        total = self._table + sum(sum(by_name.values()) for by_name in self._indexes.values())
        shown: dict[str, Any] = {"TableName": self._table_name, "CapacityUnits": total}
        if self._mode == "INDEXES":
            shown["Table"] = {"CapacityUnits": self._table}
            for kind, by_name in self._indexes.items():
                shown[kind] = {name: {"CapacityUnits": units} for name, units in by_name.items()}
        return shown


def meter_for(table: Table, params: dict[str, Any]) -> Meter | None:
    """A meter, if the request asks for ReturnConsumedCapacity."""
    mode = params.get("ReturnConsumedCapacity", "NONE")
    return None if mode == "NONE" else Meter(table.name, mode)
