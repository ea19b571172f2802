"""Resolvers that do not honour the TTL: they keep answers for as long as they like, as some do."""

from dataclasses import dataclass
from typing import ClassVar, Self

from terrella.gameday.faults import reading
from terrella.gameday.faults.fault import Entry, FaultError, FaultOperator
from terrella.world import World, show_duration


@dataclass(frozen=True, slots=True)
class Resolver:
    """``resolver: everywhere`` with ``ttl: ignore`` (answers are kept for good) or ``ttl: 300s`` (kept for so long).

    No region knows of it: the load's clients go by it.
    """

    keyword: ClassVar[str] = "resolver"
    fis_action: ClassVar[str | None] = None
    ttl: str | float

    @property
    def subject(self) -> str:
        """``resolver``."""
        return "resolver"

    @classmethod
    def parse(cls, entry: Entry, world: World) -> Self:
        """Read an entry. Raises ``FaultError``."""
        reading.only(entry, cls.keyword, "ttl")
        if reading.text(entry, cls.keyword, "everywhere") != "everywhere":
            raise FaultError(reading.show(entry[cls.keyword]), "everywhere", cls.keyword)
        ttl = entry.get("ttl", "ignore")
        if ttl == "ignore":
            return cls("ignore")
        try:
            return cls(reading.duration_s(entry, "ttl"))
        except FaultError as error:
            raise FaultError(error.found, "ignore, or a duration such as 300s", "ttl") from None

    def told(self) -> str:
        """``resolvers ignore the TTL``."""
        if isinstance(self.ttl, str):
            return "resolvers ignore the TTL"
        return f"resolvers keep answers for {show_duration(self.ttl * 1000)}"

    async def inject(self, operator: FaultOperator) -> None:
        """The clients' resolvers go by it from now on."""
        operator.clients.resolver_ttl = self.ttl

    async def restore(self, operator: FaultOperator) -> None:
        """They are again as the load's plan says."""
        if operator.clients.resolver_ttl == self.ttl:
            operator.clients.resolver_ttl = None
