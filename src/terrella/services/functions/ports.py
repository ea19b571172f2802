"""What the functions need of other rooms."""

from collections.abc import Callable, Sequence
from typing import Protocol, TypeVar

from terrella.journal import DataSet, Entry, Transaction

T = TypeVar("T")


class ConfigurationJournal(Protocol):
    """Where the functions' configuration is kept durably: the region's journal, or as much of it as is needed here."""

    async def declare(self, data_set: DataSet, /) -> None:
        """Make a data set usable; idempotent."""
        ...

    async def write(self, judge: Callable[[Transaction], T], /) -> T:
        """Judge and write; answers, or raises, what ``judge`` did, once that is durable."""
        ...

    def scan(self, data_set_id: str, *, limit: int) -> Sequence[Entry]:
        """The live entries in key order."""
        ...
