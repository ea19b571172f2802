"""Scene 6: a region is killed under write load; what was acknowledged only there is counted, and it returns."""

import asyncio
import json
import math

from terrella.gameday.client import Load, Served
from terrella.gameday.theatre import Theatre

SCENE = "killed region"
REGION = "eu-west-1"
SLOW_MS = 200.0
SLOW_BYTES_PER_S = 20_000
THERE_PER_S = 8.0
MESSAGE = "x" * 8_000
RATE_PER_S = 12.0


async def play(theatre: Theatre) -> None:
    """Slow, load, kill, count, restore, compare."""
    theatre.stage.scene(6, f"{REGION} is killed under write load, what it sends slowed to {SLOW_MS:.0f} ms and 20 kB/s")
    others = [region for region in theatre.regions if region != REGION]
    for other in others:
        await theatre.operator.link(
            REGION, other, one_way=True, delay_ms=SLOW_MS, bandwidth_bytes_per_s=SLOW_BYTES_PER_S
        )

    async def write(number: int) -> Served:
        return await theatre.create_anywhere({"id": f"load-{number:05}", "message": "under load"})

    async def write_there(number: int) -> Served:
        return await theatre.create(REGION, {"id": f"there-{number:05}", "message": MESSAGE})

    async with Load(write, RATE_PER_S) as load:
        async with Load(write_there, THERE_PER_S) as there:
            await asyncio.sleep(2.5)
        killed_s = theatre.clock.monotonic()
        await theatre.operator.kill(REGION)
        left_s = await theatre.until(f"DNS leaves {REGION}", lambda: _handed_out(theatre, False))
        theatre.expect(
            SCENE, "killed until DNS no longer hands it out", "at most 2 s", f"{left_s * 1000:.0f} ms", left_s < 2
        )
        acknowledged_there = _acknowledged_in(theatre, [*load.served, *there.served])
        await asyncio.sleep(SLOW_MS / 1000 * 2)
        survivors = set().union(*[await theatre.ids(region) for region in others])
        at_risk = len(acknowledged_there - survivors)
        theatre.expect(
            SCENE,
            "acknowledged writes that exist only on its disk",
            "some: they are named, not hidden",
            f"{at_risk} of {len(acknowledged_there)} written there",
            at_risk > 0,
        )
        failed = [one for one in load.served if not one.ok]
        last_s = max((one.started_s - killed_s for one in failed), default=0.0)
        theatre.expect(
            SCENE, "last failed request after the kill", "at most 2 s", f"{last_s * 1000:.0f} ms", last_s < 2.0
        )
        await _restore(theatre, others)
    await _settle(theatre, others)


async def _restore(theatre: Theatre, others: list[str]) -> None:
    theatre.stage.say(f"{REGION} is restored while the others go on writing")
    await theatre.operator.restore(REGION)
    took_s = await theatre.until(f"DNS returns to {REGION}", lambda: _handed_out(theatre, True))
    status = await theatre.operator.region(REGION, "status")
    lags = [status["replication"][other]["lag_ms"] for other in others]
    behind = math.inf if None in lags else max(lags)  # what is unknown is not small
    theatre.expect(
        SCENE,
        "restored until it is given traffic again",
        "only when at most 1 s behind",
        f"{took_s:.1f} s, {behind:.0f} ms behind",
        behind <= SLOW_MS + 1000 and status["state"] == "serving",
    )


async def _settle(theatre: Theatre, others: list[str]) -> None:
    for other in others:
        await theatre.operator.link(REGION, other, heal=True)
    took_s = await theatre.until("all replicas are equal", theatre.replicas_equal)
    theatre.expect(
        SCENE, "load ended until all replicas are equal", "at most 5 s", f"{took_s * 1000:.0f} ms", took_s < 5
    )
    present = await theatre.ids(REGION)
    missing = theatre.acknowledged - present
    theatre.expect(
        SCENE,
        "every acknowledged write is there",
        "0 lost",
        f"{len(missing)} lost of {len(theatre.acknowledged)}",
        not missing,
    )


def _acknowledged_in(theatre: Theatre, served: list[Served]) -> set[str]:
    return {json.loads(one.body)["id"] for one in served if one.ok and theatre.names.get(one.address) == REGION}


async def _handed_out(theatre: Theatre, wanted: bool) -> bool:
    return (REGION in await theatre.answers()) == wanted
