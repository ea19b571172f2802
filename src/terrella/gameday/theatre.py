"""What every scene has at hand, and the waiting that they share."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from terrella.gameday.client import Client, NoAnswerError, Served
from terrella.gameday.operator import Operator
from terrella.gameday.stage import Stage
from terrella.gameday.verdict import Verdict
from terrella.kernel import Clock, TerrellaError

LOOKUPS_MAX = 3
POLL_S = 0.01


@dataclass(slots=True)
class Theatre:
    """The running world (``operator``), a client of its one name, the stage, and the verdict so far.

    ``regions`` maps each region to its address, in the world's order; ``delays_ms`` each directed pair to its delay;
    ``acknowledged`` collects every item that the application said it had stored and that nobody deleted since.
    """

    operator: Operator
    client: Client
    stage: Stage
    verdict: Verdict
    clock: Clock
    regions: dict[str, str]
    delays_ms: dict[tuple[str, str], float]
    table: str
    acknowledged: set[str] = field(default_factory=set)

    @property
    def names(self) -> dict[str, str]:
        """Regions by address."""
        return {address: region for region, address in self.regions.items()}

    def expect(self, scene: str, what: str, expected: str, measured: str, held: bool) -> None:
        """Note a finding and tell it."""
        self.stage.found(self.verdict.expect(scene, what, expected, measured, held))

    async def until(self, what: str, holds: Callable[[], Awaitable[bool]], timeout_s: float = 30.0) -> float:
        """Wait for a condition; answers the seconds that it took. Raises ``TerrellaError`` if it never came."""
        started_s = self.clock.monotonic()
        while not await holds():
            if self.clock.monotonic() - started_s > timeout_s:
                raise TerrellaError(f"waited {timeout_s:.0f} s in vain until {what}")
            await asyncio.sleep(POLL_S)
        return self.clock.monotonic() - started_s

    async def create(self, region: str, item: dict[str, Any]) -> Served:
        """POST an item to one region; remembers it if it was acknowledged."""
        return self._note(await self.client.send_to(self.regions[region], "POST", "/items", json.dumps(item).encode()))

    async def create_anywhere(self, item: dict[str, Any]) -> Served:
        """POST an item to whichever region the one name leads to."""
        return self._note(await self.client.send("POST", "/items", json.dumps(item).encode()))

    def _note(self, served: Served) -> Served:
        if served.ok:
            self.acknowledged.add(json.loads(served.body)["id"])
        return served

    async def get(self, region: str, item_id: str) -> Served:
        """GET an item from one region."""
        return await self.client.send_to(self.regions[region], "GET", f"/items/{item_id}")

    async def ids(self, region: str) -> set[str]:
        """The ids of all items in one region's replica, by a Scan there."""
        found: set[str] = set()
        start: dict[str, Any] = {}
        while True:
            page = await self.operator.aws(
                "dynamodb",
                region,
                "scan",
                TableName=self.table,
                ProjectionExpression="#id",
                ExpressionAttributeNames={"#id": "id"},
                **start,
            )
            found.update(item["id"]["S"] for item in page["Items"])
            if "LastEvaluatedKey" not in page:
                return found
            start = {"ExclusiveStartKey": page["LastEvaluatedKey"]}

    async def digests(self, regions: Iterable[str] | None = None) -> set[str]:
        """The distinct digests of the table's replicas: one, if all are equal byte for byte."""
        asked = list(regions or self.regions)
        answers = await asyncio.gather(
            *(self.operator.region(region, f"digest?table={self.table}") for region in asked)
        )
        return {answer["digest"] for answer in answers}

    async def replicas_equal(self) -> bool:
        """Whether all replicas are equal byte for byte."""
        return len(await self.digests()) == 1

    async def calm(self) -> None:
        """Wait until every region is handed out and all replicas are equal: how each scene begins."""
        await self.until("DNS hands out every region", self._all_handed_out)
        await self.until("all replicas are equal", self.replicas_equal)

    async def _all_handed_out(self) -> bool:
        return await self.answers() == set(self.regions)

    async def answers(self, count: int = 40) -> set[str]:
        """The regions that the name server hands out now, as seen by asking it often."""
        addresses = await asyncio.gather(*(self._resolve() for _ in range(count)))
        return {self.names.get(address, address) for address in addresses}

    async def _resolve(self) -> str:
        """As a resolver does: a name server that does not answer is asked again before that is taken for an answer."""
        for _ in range(LOOKUPS_MAX - 1):
            with suppress(NoAnswerError):
                return await self.client.resolve()
        try:
            return await self.client.resolve()
        except NoAnswerError as error:
            raise TerrellaError(f"DNS was asked {LOOKUPS_MAX} times in vain: {error}") from error
