"""Scene 1: an item written in one region is read in another: stale at first, then there."""

import asyncio

from terrella.gameday.theatre import Theatre

SCENE = "one item"
WRITER, READER = "us-west-2", "us-east-1"
SLACK_MS = 150.0


async def play(theatre: Theatre) -> None:
    """Write far away, read here until it is there."""
    theatre.stage.scene(1, "An item written in us-west-2 is read in us-east-1")
    counts = [len(await theatre.ids(region)) for region in theatre.regions]
    theatre.expect(
        SCENE, "items in each region at the start", "0 everywhere", ", ".join(map(str, counts)), not any(counts)
    )
    theatre.stage.say("one request to each function in each region, so that no cold start is measured")
    await asyncio.gather(
        *(theatre.create(region, {"id": f"warm-{region}", "message": "hello"}) for region in theatre.regions)
    )
    await asyncio.gather(*(theatre.get(region, f"warm-{region}") for region in theatre.regions))

    written = await theatre.create(WRITER, {"id": "first", "message": f"written in {WRITER}"})
    acknowledged_s = theatre.clock.monotonic()
    first = await theatre.get(READER, "first")
    theatre.expect(
        SCENE, f"first read in {READER}", "404, stale", str(first.status), written.ok and first.status == 404
    )
    await theatre.until(f"{READER} has the item", lambda: _readable(theatre))
    lag_ms = (theatre.clock.monotonic() - acknowledged_s) * 1000
    delay_ms = theatre.delays_ms[WRITER, READER]
    theatre.expect(
        SCENE,
        "acknowledged there until read here",
        f"{delay_ms:.0f} ms of link, at most {SLACK_MS:.0f} ms more",
        f"{lag_ms:.0f} ms",
        delay_ms * 0.8 <= lag_ms <= delay_ms + SLACK_MS,
    )


async def _readable(theatre: Theatre) -> bool:
    return (await theatre.get(READER, "first")).ok
