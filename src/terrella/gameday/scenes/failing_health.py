"""Scene 3: a region's health function answers 400; DNS leaves the region, with nobody hurt; then it returns."""

import asyncio

from terrella.gameday.client import Load, Served
from terrella.gameday.theatre import Theatre

SCENE = "failing health"
REGION = "us-west-2"
RATE_PER_S = 20.0
NOTICED_MAX_S = 2.0


async def play(theatre: Theatre) -> None:
    """Turn the health function to 400 and back while clients go on."""
    theatre.stage.scene(3, f"{REGION}'s health function answers 400, while everything runs")

    async def request(number: int) -> Served:
        if number % 4 == 0:
            return await theatre.create_anywhere({"id": f"health-{number}", "message": "under way"})
        return await theatre.client.send("GET", "/health")

    async with Load(request, RATE_PER_S) as load:
        await asyncio.sleep(0.5)
        await _set_status(theatre, "400")
        noticed_s = await theatre.until(f"DNS leaves {REGION}", lambda: _handed_out(theatre, False))
        changed_s = theatre.clock.monotonic()
        await asyncio.sleep(2.0)
        after = [one for one in load.served if one.started_s > changed_s]
        failed = sum(not one.ok for one in after)
        there = sum(theatre.names.get(one.address) == REGION for one in after)
        theatre.expect(
            SCENE,
            "400 until DNS no longer hands the region out",
            f"interval x threshold, at most {NOTICED_MAX_S:.0f} s",
            f"{noticed_s * 1000:.0f} ms",
            noticed_s < NOTICED_MAX_S,
        )
        theatre.expect(
            SCENE,
            "requests once the answer had changed",
            "0 failed, 0 to the region",
            f"{len(after)}: {failed} failed, {there} to {REGION}",
            failed == 0 and there == 0 and len(after) > RATE_PER_S,
        )
        await _set_status(theatre, "200")
        returned_s = await theatre.until(f"DNS returns to {REGION}", lambda: _handed_out(theatre, True))
        theatre.expect(
            SCENE, "200 again until DNS hands it out", "at most 2 s", f"{returned_s * 1000:.0f} ms", returned_s < 2
        )


async def _handed_out(theatre: Theatre, wanted: bool) -> bool:
    return (REGION in await theatre.answers()) == wanted


async def _set_status(theatre: Theatre, status: str) -> None:
    """Through Lambda's own API, as on stage."""
    functions = (await theatre.operator.aws("lambda", REGION, "list_functions"))["Functions"]
    health = next(function for function in functions if "health" in function["FunctionName"].lower())
    variables = {**health.get("Environment", {}).get("Variables", {}), "STATUS": status}
    theatre.stage.say(f"boto3: update_function_configuration({health['FunctionName']}, STATUS={status})")
    await theatre.operator.aws(
        "lambda",
        REGION,
        "update_function_configuration",
        FunctionName=health["FunctionName"],
        Environment={"Variables": variables},
    )
