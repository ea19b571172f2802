"""A used world made like new, or found to be beyond that.

What a world keeps is in its regions' journals, and each data set there says by its vector how much was ever written to
it. So it is known what a test has changed: items of tables are deleted again; anything else (a function's
configuration, a table made or deleted, a transaction's token, a conflict in the log, a region that crashed) makes the
world damaged, and a new one is started in its place. What a reset leaves behind, an application cannot see: deletions
that are remembered for a while, figures, log files.
"""

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from terrella.testing.plugin.errors import WorldError
from terrella.testing.plugin.probing import expectations
from terrella.testing.plugin.running import Running, key_names
from terrella.testing.plugin.settling import PATIENCE_S
from terrella.testing.plugin.waiting import settle

ITEMS_MAX = 2000
"""With more, starting anew is faster."""
_BATCH = 25
_INTERVAL_S = 30.0
_PROBE_S_MAX = 0.5
_OURS_TO_CHANGE = ("membership", "monitoring")
"""Elections and figures change by themselves; who is in the world is asked for by its status."""
_LANES_THAT_WAIT = ("batch",)

Vectors = dict[str, dict[str, int]]


class DamagedError(WorldError):
    """The world cannot be made like new; its text says why."""


@dataclass(slots=True)
class Baseline:
    """What a fresh world's journals hold: by region its process, and the vector of each data set."""

    processes: dict[str, int]
    vectors: dict[str, Vectors]

    @classmethod
    def of(cls, status: Mapping[str, Any]) -> "Baseline":
        """A world as it is now, all of whose regions answer."""
        regions = {each["region"]: each for each in status["regions"]}
        return cls(
            {name: each["pid"] for name, each in regions.items()},
            {name: vectors_of(each) for name, each in regions.items()},
        )

    def take_over(self, region: Mapping[str, Any], name: str) -> None:
        """A region lives again that was killed by way of the fixture: its new life has written what lives write.

        Only what is not items is taken over: those are still to be deleted.
        """
        tables = {table["name"] for table in region["tables"]}
        self.processes[name] = region["pid"]
        self.vectors[name] = {
            data_set: self.vectors[name].get(data_set, {}) if data_set in tables else vector
            for data_set, vector in vectors_of(region).items()
        }

    def damage(self, region: Mapping[str, Any]) -> str | None:
        """What was done to a region that cannot be undone; None if nothing was."""
        name = region["region"]
        if "journal" not in region:
            return f"{name} does not say what it holds"
        if region["pid"] != self.processes[name]:
            return f"{name} has had another process"
        if region["world_regions"].keys() != self.processes.keys() or region["former_regions"]:
            return f"{name} has seen regions join or leave"
        tables = {table["name"]: table for table in region["tables"]}
        now, before = vectors_of(region), self.vectors[name]
        changed = sorted(
            data_set for data_set in now.keys() | before.keys() if now.get(data_set) != before.get(data_set)
        )
        others = [data_set for data_set in changed if data_set not in tables and data_set not in _OURS_TO_CHANGE]
        if others:
            return f"{name} has changed its {', '.join(others)}"
        if [data_set for data_set in changed if tables.get(data_set, {}).get("lane") in _LANES_THAT_WAIT]:
            return f"{name} has written to a table that is replicated on a schedule"
        if any(each["conflicts"] for each in region["journal"]["data_sets"]):
            return f"{name} has conflicts in its log"
        return None


def vectors_of(region: Mapping[str, Any]) -> Vectors:
    """How much was ever written to each data set, by its name."""
    return {each["name"]: each["vector"] for each in region["journal"]["data_sets"]}


def used_tables(status: Mapping[str, Any], baseline: Baseline) -> dict[str, list[str]]:
    """The tables that were written to, and the regions in which their items have to be deleted.

    One region is enough for a table that is replicated; a table of a region's own is deleted from there.
    """
    used: dict[str, list[str]] = {}
    for region in status["regions"]:
        name, vectors = region["region"], vectors_of(region)
        for table in region["tables"]:
            if vectors.get(table["name"]) == baseline.vectors[name].get(table["name"]):
                continue
            if table["lane"] == "local" or table["name"] not in used:
                used.setdefault(table["name"], []).append(name)
    return used


def workers_of(status: Mapping[str, Any]) -> Iterable[tuple[str, str]]:
    """The region and zone of every pool that has workers."""
    for region in status["regions"]:
        for az in sorted({az["az"] for one in region["functions"] for az in one["azs"] if az["workers"]}):
            yield region["region"], az


def renew_workers(running: Running, status: Mapping[str, Any]) -> bool:
    """Kill the functions' workers, whose modules may remember the test before; False if there are none.

    Health checks must not take that for an outage: their endpoints are asked until they answer, as probes would, and
    then each checker is given the time for a probe that puts its count of failures back to none.
    """
    world = running.world
    pools = list(workers_of(status))
    if not pools:
        return False
    for region, az in pools:
        running.control(region).post(f"azs/{az}/kill", {})
    expectations(status, {name: each.address for name, each in world.regions.items()}, world.ports.application, ())
    time.sleep(min(_PROBE_S_MAX, _INTERVAL_S * world.profile.health_check_interval_scale))
    return True


def delete_items(running: Running, table: str, region: str) -> None:
    """Delete what a replica holds. Raises ``DamagedError`` if that is too much."""
    client = running.boto3("dynamodb", region, direct=True)
    names = key_names(client, table)
    aliases = {f"#{number}": name for number, name in enumerate(names)}
    pages = client.get_paginator("scan").paginate(
        TableName=table,
        ConsistentRead=True,
        ProjectionExpression=", ".join(aliases),
        ExpressionAttributeNames=aliases,
    )
    keys = [key for page in pages for key in page["Items"]]
    if len(keys) > ITEMS_MAX:
        raise DamagedError(f"{table} holds {len(keys)} items")
    for start in range(0, len(keys), _BATCH):
        requests = [{"DeleteRequest": {"Key": key}} for key in keys[start : start + _BATCH]]
        left = client.batch_write_item(RequestItems={table: requests})["UnprocessedItems"]
        if left:
            raise DamagedError(f"{table} did not take the deletion of {len(left[table])} items")


def make_new(running: Running, baseline: Baseline) -> Baseline:
    """Make a world like new that has regions up and links healed; answers what it holds now.

    Raises ``DamagedError`` if it cannot be, ``WorldError`` if it does not come to rest.
    """
    patience_s = PATIENCE_S[running.world.profile.name] / 2
    status = settle(running, patience_s)
    refuse_damage(status, baseline)
    used = used_tables(status, baseline)
    for table, regions in used.items():
        for region in regions:
            try:
                delete_items(running, table, region)
            except (BotoCoreError, ClientError) as error:
                raise DamagedError(f"the items of {table} could not be deleted in {region}: {error}") from error
    if renew_workers(running, status) or used:
        settle(running, patience_s)
    status = running.status()
    refuse_damage(status, baseline)
    held = [
        f"{table['name']} in {each['region']}"
        for each in status["regions"]
        for table in each["tables"]
        if table["items"]
    ]
    if held:
        raise DamagedError(f"items are left in {', '.join(held)}")
    if any(link["changed"] for link in status["links"]):
        raise DamagedError("links are not as world.yaml has them")
    return Baseline.of(status)


def refuse_damage(status: Mapping[str, Any], baseline: Baseline) -> None:
    """Raises ``DamagedError`` if anything but items has changed."""
    for region in status["regions"]:
        why = baseline.damage(region)
        if why is not None:
            raise DamagedError(why)
