"""The parts of a table's definition."""

from dataclasses import dataclass, field

ON_DEMAND = "PAY_PER_REQUEST"
PROVISIONED = "PROVISIONED"


@dataclass(frozen=True, slots=True)
class KeyAttributes:
    """The names of the key attributes."""

    partition: str
    sort: str | None = None

    @property
    def names(self) -> tuple[str, ...]:
        """The partition key's name, and the sort key's if there is one."""
        return (self.partition,) if self.sort is None else (self.partition, self.sort)


@dataclass(frozen=True, slots=True)
class Projection:
    """Which attributes an index shows: ``kind`` is ``ALL``, ``KEYS_ONLY`` or ``INCLUDE`` (then ``attributes`` too)."""

    kind: str = "ALL"
    attributes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Throughput:
    """Provisioned units a second; zero when on demand. Shown, not enforced."""

    read_units: int = 0
    write_units: int = 0


NO_THROUGHPUT = Throughput()


@dataclass(frozen=True, slots=True)
class IndexDefinition:
    """A secondary index."""

    name: str
    key: KeyAttributes
    projection: Projection
    local: bool
    throughput: Throughput = NO_THROUGHPUT


@dataclass(frozen=True, slots=True)
class ReplicaSettings:
    """What a global table's replica sets for itself."""

    tags: dict[str, str] = field(default_factory=dict)
    deletion_protection: bool = False
