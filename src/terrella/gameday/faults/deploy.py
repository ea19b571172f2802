"""A bad deploy: a function raises in a share of its invocations, whoever invokes it."""

from dataclasses import dataclass
from typing import ClassVar, Self

from terrella.gameday.faults import reading
from terrella.gameday.faults.fault import Entry, Order, Ordered
from terrella.world import World


@dataclass(frozen=True, slots=True)
class BadDeploy(Ordered):
    """``deploy: {function: ItemsFunction, region: eu-west-1}`` with ``failing: 50%``; without a region, in all."""

    keyword: ClassVar[str] = "deploy"
    fis_action: ClassVar[str | None] = "aws:lambda:invocation-error"
    function: str
    region: str
    failing: float

    @property
    def subject(self) -> str:
        """``eu-west-1/ItemsFunction``."""
        return f"{self.region}/{self.function}" if self.region else self.function

    @classmethod
    def parse(cls, entry: Entry, world: World) -> Self:
        """Read an entry. Raises ``FaultError``."""
        reading.only(entry, cls.keyword, "failing")
        given = reading.fields(entry[cls.keyword], cls.keyword, "function", "region")
        function = reading.text(given, "function", "a function's name or logical id")
        region = reading.region(given, "region", world) if "region" in given else ""
        return cls(function, region, reading.rate(entry, "failing", 1.0))

    def told(self) -> str:
        """``bad deploy of ItemsFunction in eu-west-1: 50% of invocations raise``."""
        where = self.region or "every region"
        return f"bad deploy of {self.function} in {where}: {reading.percent(self.failing)} of invocations raise"

    def order(self) -> Order:
        """The invocation fails as if the handler had raised."""
        parameters = {"function": self.function, "rate": self.failing}
        return Order("deploy", parameters, (self.region,) if self.region else ())
