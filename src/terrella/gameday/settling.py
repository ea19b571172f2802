"""Waiting until the replicas are equal, and saying why they are not."""

import asyncio
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from terrella.gameday.operator import Operator
from terrella.kernel import Clock, TerrellaError

_EVERY_S = 0.1
_LOCAL = "local"


def replicated_tables(status: Mapping[str, Any]) -> dict[str, list[str]]:
    """The tables that more than one region holds, with the regions."""
    tables: dict[str, list[str]] = {}
    for region in status.get("regions", []):
        for table in region.get("tables", ()):
            if table["lane"] != _LOCAL and len(table["members"]) > 1:
                tables[table["name"]] = list(table["members"])
    return tables


async def unequal(operator: Operator) -> str:
    """Which table's replicas are not equal byte for byte, conflict logs included; empty if all are."""
    try:
        status = await operator.status()
        silent = [one["region"] for one in status["regions"] if one["state"] != "serving"]
        if silent:
            return f"{', '.join(silent)} does not serve"
        for table, members in replicated_tables(status).items():
            target = f"digest?table={quote(table)}"
            answers = await asyncio.gather(*(operator.region(member, target) for member in members))
            if len({answer["digest"] for answer in answers}) > 1:
                counts = ", ".join(f"{each} {one['items']}" for each, one in zip(members, answers, strict=True))
                return f"the replicas of {table} differ (items: {counts})"
    except (OSError, TimeoutError, TerrellaError) as error:
        return f"a region does not answer ({error or type(error).__name__})"
    return ""


async def settle(operator: Operator, clock: Clock, timeout_s: float) -> tuple[float, str]:
    """Wait until all replicas are equal: how long that took, and why they are not if they are not in time."""
    started_s = clock.monotonic()
    while True:
        why = await unequal(operator)
        took_s = clock.monotonic() - started_s
        if not why or took_s >= timeout_s:
            return took_s, why
        await asyncio.sleep(_EVERY_S)


async def until_steady(operator: Operator, clock: Clock, timeout_s: float) -> str:
    """Wait for the steady state that a game day begins in: all serve, are healthy and hear each other.

    Answers why it is not so, if it is not in time.
    """
    started_s = clock.monotonic()
    while why := await _not_steady(operator):
        if clock.monotonic() - started_s >= timeout_s:
            return why
        await asyncio.sleep(_EVERY_S)
    return ""


async def _not_steady(operator: Operator) -> str:
    try:
        return _unsteady(await operator.status())
    except (OSError, TimeoutError):
        return "its front door does not answer"


def _unsteady(status: Mapping[str, Any]) -> str:
    for region in status["regions"]:
        name = region["region"]
        if region["state"] != "serving":
            return f"{name} is {region['state']}"
        sick = [check for check in region.get("health", {}).values() if not check["healthy"]]
        if sick:
            blind = sorted(checker for checker, sees in sick[0]["checkers"].items() if not sees)
            said_by = f" (as {', '.join(blind)} found)" if blind else ""
            return f"{name} takes {sick[0]['name']} of {sick[0]['region']} for unhealthy{said_by}"
        deaf = [peer for peer, one in region.get("replication", {}).items() if one.get("lag_ms") is None]
        if deaf:
            return f"{name} does not hear {deaf[0]}"
    return ""
