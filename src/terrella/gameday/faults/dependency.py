"""What a handler depends on: a table, or another function that it invokes, in one region or in all."""

from dataclasses import dataclass
from typing import Any

from terrella.gameday.faults import reading
from terrella.gameday.faults.fault import Entry, FaultError
from terrella.world import World


@dataclass(frozen=True, slots=True)
class Dependency:
    """``service`` is ``dynamodb`` or ``lambda``; ``operations`` (``PutItem``) none: all of them.

    ``region`` is empty for every region; ``resource`` a table's name, or a function's name or logical id.
    """

    service: str
    resource: str
    region: str = ""
    operations: tuple[str, ...] = ()

    @property
    def subject(self) -> str:
        """``eu-west-1/items``, or ``items`` where it is in every region."""
        return f"{self.region}/{self.resource}" if self.region else self.resource

    @property
    def told(self) -> str:
        """``items in eu-west-1``."""
        where = self.region or "every region"
        what = f"{'/'.join(self.operations)} of {self.resource}" if self.operations else self.resource
        return f"{what} in {where}"

    @property
    def regions(self) -> tuple[str, ...]:
        """Where it is; none: in all of them."""
        return (self.region,) if self.region else ()

    def parameters(self) -> dict[str, Any]:
        """As a region's control API has it."""
        return {"service": self.service, "resource": self.resource, "operations": list(self.operations)}


def read_dependency(entry: Entry, keyword: str, world: World) -> Dependency:
    """``{table: items, region: eu-west-1, operations: [PutItem]}`` or ``{function: F, region: eu-west-1}``."""
    given = reading.fields(entry[keyword], keyword, "table", "function", "region", "operations")
    what = [each for each in ("table", "function") if each in given]
    if len(what) != 1:
        raise FaultError(" and ".join(what) or "neither of them", "a table or a function", keyword)
    if what[0] == "function" and "operations" in given:
        raise FaultError("operations of a function", "operations of a table only", "operations")
    return Dependency(
        "dynamodb" if what[0] == "table" else "lambda",
        reading.text(given, what[0], f"the name of a {what[0]}"),
        reading.region(given, "region", world) if "region" in given else "",
        reading.texts(given, "operations", "operations such as [PutItem, Query]"),
    )
