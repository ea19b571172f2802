"""What the functions need of other rooms."""

from collections.abc import Callable, Collection, Sequence
from typing import Protocol, TypeVar

from terrella.journal import DataSet, Entry, Transaction
from terrella.services.functions.configuration import Configuration

T = TypeVar("T")


class Interference(Protocol):
    """What goes wrong on purpose with calls of the API."""

    async def __call__(self, operation: str, resources: Collection[str], /) -> None:
        """Before a call is run: may take its time, and may raise the ``AwsError`` that is answered instead."""
        ...


Sabotage = Callable[[Configuration], tuple[str, str] | None]
"""What goes wrong on purpose with a function's invocations: the type and message of what it raises, or None."""


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
