"""What is asked of and done to a world that runs: the supervisor, its regions one by one, and AWS through boto3."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from terrella.kernel import Clock
from terrella.testing.plugin.control import Control
from terrella.testing.plugin.convergence import Convergence, Item, TableDifference, compare_items, parts_of
from terrella.testing.plugin.errors import WorldError
from terrella.testing.plugin.process import WorldProcess

if TYPE_CHECKING:
    import boto3

_DIGEST_TIMEOUT_S = 60.0


class Running:
    """One running world. ``silenced`` are the regions that a test has killed or paused."""

    def __init__(self, process: WorldProcess, session: "boto3.Session", clock: Clock) -> None:
        world = process.world
        self.process = process
        self.clock = clock
        self.world = world
        self.regions = tuple(world.regions)
        self.silenced: set[str] = set()
        self.supervisor = Control("the world", world.front_door, world.ports.aws)
        self._controls = {name: Control(name, each.address, world.ports.aws) for name, each in world.regions.items()}
        self._session = session
        self._clients: dict[tuple[str, str, str], Any] = {}

    def require(self, region: str) -> str:
        """A region of this world; raises ``WorldError`` for any other name."""
        if region not in self.regions:
            raise WorldError(f"found the region {region!r}, expected one of this world: {', '.join(self.regions)}")
        return region

    def status(self) -> dict[str, Any]:
        """``terrella status --json``."""
        answer: dict[str, Any] = self.supervisor.get("status")
        return answer

    def control(self, region: str) -> Control:
        """A region's own control API."""
        return self._controls[self.require(region)]

    def boto3(self, service: str, region: str, *, direct: bool = False) -> Any:
        """A boto3 client, kept; through the front door as a user's own would be, or ``direct`` to the region."""
        place = self.world.regions[self.require(region)].address if direct else self.world.front_door
        key = (service, region, place)
        if key not in self._clients:
            from botocore.config import Config

            self._clients[key] = self._session.client(
                service,
                region_name=region,
                endpoint_url=f"http://{place}:{self.world.ports.aws}",
                aws_access_key_id="test",
                aws_secret_access_key="test",  # noqa: S106 - loopback takes any credentials
                config=Config(retries={"total_max_attempts": 1}, connect_timeout=5, read_timeout=30),
            )
        return self._clients[key]

    # replicas

    def replicated(self, status: Mapping[str, Any]) -> dict[str, set[str]]:
        """The regions that hold each replicated table, by its name."""
        tables: dict[str, set[str]] = {}
        for region in status["regions"]:
            for table in region.get("tables", ()):
                if table["lane"] != "local":
                    tables.setdefault(table["name"], set()).update(table["members"])
        return tables

    def absent(self, status: Mapping[str, Any]) -> dict[str, str]:
        """The regions that cannot be asked, and why."""
        states = {each["region"]: str(each["state"]) for each in status["regions"]}
        return {name: state for name, state in states.items() if state != "serving"}

    def parts(self, status: Mapping[str, Any], absent: Mapping[str, str]) -> list[frozenset[str]]:
        """The regions that answer, in groups that reach each other."""
        cut = {(link["from"], link["to"]) for link in status["links"] if link["cut"]}
        return parts_of([name for name in self.regions if name not in absent], cut)

    def digests(self, table: str, regions: Sequence[str]) -> dict[str, str]:
        """What each region's replica is, in one hash."""
        return {name: self.control(name).get("digest", _DIGEST_TIMEOUT_S, table=table)["digest"] for name in regions}

    def equal(self, table: str, regions: Sequence[str]) -> bool:
        """Whether these regions' replicas are equal."""
        return len(set(self.digests(table, regions).values())) <= 1

    def judge(self, status: Mapping[str, Any]) -> Convergence:
        """Every replicated table, compared now; where replicas differ, key by key."""
        absent = self.absent(status)
        tables = self.replicated(status)
        differences = []
        for table, members in sorted(tables.items()):
            asked = [name for name in self.regions if name in members and name not in absent]
            if not self.equal(table, asked):
                names, replicas = self._items(table, asked)
                differences.append(TableDifference(table, compare_items(names, replicas)))
        cut = [f"the link {link['from']} -> {link['to']} is cut" for link in status["links"] if link["cut"]]
        return Convergence(sorted(tables), differences, absent, cut)

    def _items(self, table: str, regions: Sequence[str]) -> tuple[list[str], dict[str, list[Item]]]:
        from boto3.dynamodb.types import TypeDeserializer

        plain = TypeDeserializer().deserialize
        names: list[str] = []
        replicas: dict[str, list[Item]] = {}
        for region in regions:
            client = self.boto3("dynamodb", region, direct=True)
            names = names or key_names(client, table)
            pages = client.get_paginator("scan").paginate(TableName=table)
            replicas[region] = [
                {name: plain(value) for name, value in item.items()} for page in pages for item in page["Items"]
            ]
        return names, replicas


def key_names(client: Any, table: str) -> list[str]:
    """The names of a table's key attributes, the partition key first."""
    described = client.describe_table(TableName=table)["Table"]["KeySchema"]
    return [each["AttributeName"] for each in sorted(described, key=lambda each: each["KeyType"])]
