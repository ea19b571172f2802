"""What a simulated region believes of a data set: who holds it, and which indexes it has."""

from collections.abc import Iterable
from dataclasses import dataclass

from terrella.journal import DataSet

EXPIRY_INDEX = "expiry"
# In a value: what follows is the moment at which it expires; some processes choke on it.
EXPIRES, POISON = b"~", b"!"


@dataclass(frozen=True, slots=True)
class Schema:
    """A data set as one region is told to declare it: ``version`` says which indexes it has, and of what."""

    definition: DataSet
    version: int = 0

    @property
    def indexes(self) -> dict[str, str]:
        """Names and fingerprints."""
        indexes = {EXPIRY_INDEX: "1"}
        if self.version:
            indexes["by-end"] = str(self.version)
        if self.version % 2:
            indexes["by-length"] = "1"
        return indexes

    def entries(self, key: bytes, value: bytes) -> Iterable[tuple[str, bytes]]:
        """The indexer."""
        if EXPIRES in value:
            yield EXPIRY_INDEX, value.partition(EXPIRES)[2]
        if self.version % 2:
            yield "by-length", b"%d" % len(value)
        if self.version and value[-1] % 4:  # not every item has what the index is of
            yield "by-end", value[-(1 + self.version % 3) :]
