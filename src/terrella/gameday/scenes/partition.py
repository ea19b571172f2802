"""Scene 4: two regions cannot hear each other, the same item is written in both; the link heals and nothing is lost."""

import asyncio
from typing import Any

from terrella.gameday.theatre import Theatre

SCENE = "partition"
LEFT, RIGHT = "us-east-1", "eu-west-1"
ITEM = "contested"


async def play(theatre: Theatre) -> None:
    """Cut, write on both sides, heal, look at the conflict log."""
    theatre.stage.scene(4, f"The link between {LEFT} and {RIGHT} is cut; the same item is written on both sides")
    await theatre.operator.link(LEFT, RIGHT, cut=True)
    left, right = await asyncio.gather(
        theatre.create(LEFT, {"id": ITEM, "message": f"written in {LEFT}"}),
        theatre.create(RIGHT, {"id": ITEM, "message": f"written in {RIGHT}"}),
    )
    theatre.expect(
        SCENE, "both writes, in spite of the cut", "201, 201", f"{left.status}, {right.status}", left.ok and right.ok
    )
    reads = await asyncio.gather(*(theatre.get(side, ITEM) for side in (LEFT, RIGHT) for _ in range(20)))
    served = sum(one.ok for one in reads)
    theatre.expect(
        SCENE, "reads on both sides during the cut", f"{len(reads)} served", f"{served} served", served == len(reads)
    )

    theatre.stage.say("the link heals")
    await theatre.operator.link(LEFT, RIGHT, heal=True)
    took_s = await theatre.until("all replicas are equal", theatre.replicas_equal)
    theatre.expect(SCENE, "healed until all replicas are equal", "at most 5 s", f"{took_s * 1000:.0f} ms", took_s < 5.0)
    await theatre.until("the loser is in every conflict log", lambda: _logged_everywhere(theatre))
    conflict = (await _conflicts(theatre, LEFT))[0]
    winner, loser = conflict["winner"], conflict["loser"]
    theatre.stage.say(f"terrella conflicts: {winner['region']} won over {loser['region']}")
    theatre.stage.say(f"  kept: {_plain(winner)}")
    theatre.stage.say(f"  lost, but in the log: {_plain(loser)}")
    theatre.expect(
        SCENE,
        "the version that lost, in every region's conflict log",
        f"1 conflict, {LEFT} and {RIGHT} named",
        f"1: {winner['region']} over {loser['region']}",
        {winner["region"], loser["region"]} == {LEFT, RIGHT},
    )


def _plain(version: dict[str, Any]) -> str:
    """An item's attributes without DynamoDB's type letters."""
    return ", ".join(f"{name}: {next(iter(value.values()))}" for name, value in version["value"].items())


async def _conflicts(theatre: Theatre, region: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = await theatre.operator.region(region, f"conflicts?table={theatre.table}")
    return found


async def _logged_everywhere(theatre: Theatre) -> bool:
    logs = await asyncio.gather(*(_conflicts(theatre, region) for region in theatre.regions))
    return all(len(log) == 1 for log in logs)
