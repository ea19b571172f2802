"""What a fault is: something that breaks, said in one entry of a game day's file, injected and restored by an operator.

``FaultError``   an entry that says no fault: what was found, what was expected, under which key
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Protocol, Self

from terrella.kernel import TerrellaError
from terrella.wire.links import Link
from terrella.world import World

Value = Any
"""What stands in a file: text, a number, a yes or no, or a mapping of these."""
Entry = Mapping[str, Value]
"""One moment of a game day: the fault's keyword, beside it its parameters; ``at`` and ``for`` are not looked at."""


class FaultError(TerrellaError):
    """An entry that says no fault. ``key`` is the key under which ``found`` stands."""

    def __init__(self, found: str, expected: str, key: str) -> None:
        super().__init__(f"found {found}, expected {expected}")
        self.found = found
        self.expected = expected
        self.key = key


@dataclass(frozen=True, slots=True)
class Order:
    """What the supervisor is asked for: a kind of fault, its parameters, and the regions that it happens in.

    ``regions`` empty: all of them, or for the supervisor itself to know.
    """

    kind: str
    parameters: Mapping[str, Any] = field(default_factory=dict)
    regions: tuple[str, ...] = ()


@dataclass(slots=True)
class ClientConditions:
    """What is wrong on the clients' side, where no region can do it: the load reads this before each request.

    ``resolver_ttl`` is how resolvers treat a TTL now: ``honour``, ``ignore``, seconds, or None for what the load's own
    plan says. ``links`` has the state of the path from a vantage point to a region where it is not as usual.
    """

    resolver_ttl: str | float | None = None
    links: dict[tuple[str, str], Link] = field(default_factory=dict)


class FaultOperator(Protocol):
    """Who carries faults out: ``Operator`` in a game day, the command line's own elsewhere."""

    @property
    def clients(self) -> ClientConditions:
        """What the load generator goes by."""
        ...

    async def inject_fault(self, fault_id: str, order: Order) -> Any:
        """Have the supervisor do it. Idempotent: the same id again renews it. Raises ``TerrellaError``."""
        ...

    async def end_fault(self, fault_id: str) -> Any:
        """Undo it; without effect if there is no such fault. Raises ``TerrellaError``."""
        ...


class Fault(Protocol):
    """One kind of fault, a frozen dataclass in a small file of its own.

    ``keyword`` is its key in the file; ``fis_action`` the action of AWS Fault Injection Service that comes closest (see
    "AWS FIS Actions reference"), None if there is none.
    """

    keyword: ClassVar[str]
    fis_action: ClassVar[str | None]

    @property
    def subject(self) -> str:
        """What is broken: ``eu-west-1``, ``us-east-1 <-> eu-west-1``, ``eu-west-1/eu-west-1a``."""
        ...

    @classmethod
    def parse(cls, entry: Entry, world: World) -> Self:
        """Read an entry. Raises ``FaultError``."""
        ...

    def told(self) -> str:
        """In a few words, for the timeline and the report: ``kill eu-west-1``."""
        ...

    async def inject(self, operator: FaultOperator) -> None:
        """Break it. Raises ``TerrellaError``."""
        ...

    async def restore(self, operator: FaultOperator) -> None:
        """Mend it; without effect if it is not broken. Raises ``TerrellaError``."""
        ...


class Ordered(ABC):
    """The part that is the same for all faults that the supervisor carries out. Their id is what is told of them."""

    @abstractmethod
    def told(self) -> str:
        """In a few words."""

    @abstractmethod
    def order(self) -> Order:
        """What the supervisor is asked for."""

    def client_links(self) -> Mapping[tuple[str, str], Link]:
        """What becomes of the paths from vantage points to regions; where any does, there is nothing to order."""
        return {}

    async def inject(self, operator: FaultOperator) -> None:
        """Break it. Raises ``TerrellaError``."""
        links = self.client_links()
        if links:
            operator.clients.links.update(links)
        else:
            await operator.inject_fault(self.told(), self.order())

    async def restore(self, operator: FaultOperator) -> None:
        """Mend it; without effect if it is not broken. Raises ``TerrellaError``."""
        links = self.client_links()
        for path, link in links.items():
            if operator.clients.links.get(path) == link:
                del operator.clients.links[path]
        if not links:
            await operator.end_fault(self.told())


def matches(subject: str, asked: str) -> bool:
    """Whether ``restore: asked`` means a fault of this subject.

    A region means what is broken inside it as well; a zone, table or function is meant by its own name, too; a link
    by its regions in either order; ``everything`` means all.
    """
    asked = " ".join(asked.split())
    if asked in ("everything", subject) or subject.startswith(f"{asked}/") or subject.partition("/")[2] == asked:
        return True
    a, both_ways, b = asked.partition(" <-> ")
    return bool(both_ways) and subject in (f"{b} <-> {a}", f"{a} -> {b}", f"{b} -> {a}")
