"""One run: a world of real processes, writing clients, faults, healing, and the audit of the stopped stores."""

import asyncio
import time
from collections.abc import Callable
from pathlib import Path

from tests.chaos.audit import Finding, LogTail, StoppedReplica, audit
from tests.chaos.faults import Faults
from tests.chaos.load import TABLE, Clients, Told
from tests.e2e.worlds import Terrella, free_base, until

_TEMPLATE = """\
AWSTemplateFormatVersion: "2010-09-09"
Resources:
  Things:
    Type: AWS::DynamoDB::GlobalTable
    Condition: Makes
    Properties:
      TableName: things
      BillingMode: PAY_PER_REQUEST
      AttributeDefinitions: [{AttributeName: id, AttributeType: S}]
      KeySchema: [{AttributeName: id, KeyType: HASH}]
      StreamSpecification: {StreamViewType: NEW_AND_OLD_IMAGES}
      Replicas: [{Region: us-east-1}, {Region: us-west-2}, {Region: eu-west-1}]
Conditions:
  Makes: !Equals [!Ref AWS::Region, us-east-1]
"""
_CLIENTS = 4
_STABLE_S = 1.0
# A record may be cut from all logs as soon as every region knows that all have it. That takes two ways over a link of
# 34 ms at least; where all regions happen to cut at that moment, a longer interval misses it.
_TAIL_INTERVAL_S = 0.03


class Chaos:
    """``run`` once; ``told`` and ``faults`` say afterwards what happened."""

    def __init__(self, directory: Path, seed: int, keys: int, rate: float, tell: Callable[[str], None]) -> None:
        source = directory.with_name("template")
        source.mkdir(parents=True)
        (source / "template.yaml").write_text(_TEMPLATE)
        self.world = Terrella.of(source, directory, base=free_base())
        self.told = Told()
        self.faults = Faults(self.world, seed, tell)
        state = self.world.directory / ".terrella"
        self._paths = {region: state / f"{region}.sqlite" for region in self.world.regions}
        self.tail = LogTail(self._paths, TABLE)
        self._seed, self._keys, self._rate, self._tell = seed, keys, rate, tell
        self._agreed_on: object = None
        self._agreed_since_s = 0.0

    async def run(self, kills: int) -> Finding:
        """Load and faults, healing, the audit."""
        world = self.world
        try:
            await asyncio.to_thread(world.up)
            stop = asyncio.Event()
            clients = [
                Clients(region, address, self._keys, self._rate, self._seed + number, self.told).run(_CLIENTS, stop)
                for number, (region, address) in enumerate(world.addresses.items())
            ]
            writing = asyncio.gather(*clients)
            reading = asyncio.create_task(self._tail())
            await self.faults.run(kills)
            stop.set()
            await writing
            self._tell("all is healed")
            await asyncio.to_thread(until, self._settled, "every region caught up with every other", 60)
            reading.cancel()
            await asyncio.to_thread(self.tail.collect)
        finally:
            await asyncio.to_thread(world.down)
        replicas = [StoppedReplica(path, region, TABLE) for region, path in self._paths.items()]
        finding = audit(replicas, self.tail, self.told.acknowledged)
        finding.violations.extend(self.told.problems)
        return finding

    async def _tail(self) -> None:
        while True:
            await asyncio.to_thread(self.tail.collect)
            await asyncio.sleep(_TAIL_INTERVAL_S)

    def _settled(self) -> bool:
        """All have applied the same, and go on having it: what a client gave up on may still be written."""
        agreed, now_s = self._agreed(), time.monotonic()
        if agreed is None or agreed != self._agreed_on:
            self._agreed_on, self._agreed_since_s = agreed, now_s
        return agreed is not None and now_s - self._agreed_since_s > _STABLE_S

    def _agreed(self) -> object:
        """What all regions have applied, as each says itself; None if that is not the same, or one does not say."""
        try:
            answers = [
                self.world.control("GET", "status", address=address)["journal"]["data_sets"]
                for address in self.world.addresses.values()
            ]
        except OSError:
            return None
        vectors = [one["vector"] for data_sets in answers for one in data_sets if one["name"] == TABLE]
        same = len(vectors) == len(self.world.regions) and all(vector == vectors[0] for vector in vectors)
        return vectors[0] if same else None
