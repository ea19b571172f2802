"""What a handler depends on errors or throttles: a table, or another function, at a given rate."""

from dataclasses import dataclass
from typing import ClassVar, Self

from terrella.gameday.faults import reading
from terrella.gameday.faults.dependency import Dependency, read_dependency
from terrella.gameday.faults.fault import Entry, Order, Ordered
from terrella.world import World

_USUAL = {"dynamodb": "InternalServerError", "lambda": "ServiceException"}
_THROTTLED = {"dynamodb": "ProvisionedThroughputExceededException", "lambda": "TooManyRequestsException"}


@dataclass(frozen=True, slots=True)
class Errors(Ordered):
    """``errors: {table: items, region: eu-west-1}`` with ``rate: 30%`` and ``error: throttled`` or an error's code."""

    keyword: ClassVar[str] = "errors"
    fis_action: ClassVar[str | None] = None
    what: Dependency
    rate: float
    error: str

    @property
    def subject(self) -> str:
        """``eu-west-1/items``."""
        return self.what.subject

    @classmethod
    def parse(cls, entry: Entry, world: World) -> Self:
        """Read an entry. Raises ``FaultError``."""
        reading.only(entry, cls.keyword, "rate", "error")
        what = read_dependency(entry, cls.keyword, world)
        expected = "an error's code such as InternalServerError, or throttled"
        error = reading.text(entry, "error", expected) if "error" in entry else _USUAL[what.service]
        code = _THROTTLED[what.service] if error in ("throttled", "throttling") else error
        return cls(what, reading.rate(entry, "rate", 1.0), code)

    def told(self) -> str:
        """``ProvisionedThroughputExceededException from items in eu-west-1 at 30%``."""
        return f"{self.error} from {self.what.told} at {reading.percent(self.rate)}"

    def order(self) -> Order:
        """The region's services answer so."""
        parameters = {**self.what.parameters(), "error": self.error, "rate": self.rate}
        return Order("errors", parameters, self.what.regions)
