"""Scene 5: a region hears nobody: what the others count as missing there, what nobody can know, how soon it is back."""

import asyncio
from typing import Any

from terrella.gameday.theatre import Theatre

SCENE = "what is known"
ORIGIN, CUT_OFF = "us-east-1", "eu-west-1"
ITEMS = 40


async def play(theatre: Theatre) -> None:
    """Cut off, write elsewhere, look at the report, heal, look again."""
    theatre.stage.scene(5, f"{CUT_OFF} is cut off from both; {ITEMS} items are written in {ORIGIN}")
    others = [region for region in theatre.regions if region != CUT_OFF]
    for other in others:
        await theatre.operator.link(CUT_OFF, other, cut=True)
    written = await asyncio.gather(
        *(theatre.create(ORIGIN, {"id": f"unheard-{number:02}", "message": "anybody?"}) for number in range(ITEMS))
    )
    acknowledged = sum(one.ok for one in written)
    await theatre.until("the lag is not known any more", lambda: _unknown(theatre))
    here, there = await asyncio.gather(_table(theatre, ORIGIN), _table(theatre, CUT_OFF))
    lacking, behind = here["peers"][CUT_OFF], there["peers"][ORIGIN]
    theatre.expect(
        SCENE,
        f"the lag of {CUT_OFF}, by itself",
        "unknown, with its age; never 0",
        f"unknown for {behind['known_ms_ago'] / 1000:.1f} s",
        behind["lag_ms"] is None,
    )
    theatre.expect(
        SCENE,
        f"what {CUT_OFF} lacks, by {ORIGIN}",
        f"{acknowledged} writes",
        f"{lacking['unacknowledged']} writes, {lacking['unacknowledged_bytes']:,} bytes, "
        f"the oldest for {lacking['unacknowledged_oldest_ms'] / 1000:.1f} s",
        lacking["unacknowledged"] == acknowledged == ITEMS,
    )
    theatre.expect(
        SCENE,
        "of these at risk: in no region but one",
        "0: us-west-2 has them",
        str(here["at_risk"]),
        here["at_risk"] == 0,
    )
    await _heal(theatre, others)


async def _heal(theatre: Theatre, others: list[str]) -> None:
    theatre.stage.say("the links heal")
    for other in others:
        await theatre.operator.link(CUT_OFF, other, heal=True)
    took_s = await theatre.until(f"{CUT_OFF} lacks nothing", lambda: _caught_up(theatre))
    pair = (await _table(theatre, CUT_OFF))["peers"][ORIGIN]
    theatre.expect(
        SCENE,
        f"healed until {CUT_OFF} has all, and its lag is known again",
        "at most 5 s",
        f"{took_s * 1000:.0f} ms; the last records came {pair['lag_ms']:.0f} ms late",
        took_s < 5,
    )
    await theatre.until("all replicas are equal", theatre.replicas_equal)


async def _table(theatre: Theatre, region: str) -> dict[str, Any]:
    """What a region reports of the table."""
    told: dict[str, Any] = await theatre.operator.region(region, f"replication?table={theatre.table}")
    (table,) = told["tables"]
    found: dict[str, Any] = table
    return found


async def _unknown(theatre: Theatre) -> bool:
    here, there = await asyncio.gather(_table(theatre, ORIGIN), _table(theatre, CUT_OFF))
    return there["peers"][ORIGIN]["lag_ms"] is None and here["at_risk"] == 0


async def _caught_up(theatre: Theatre) -> bool:
    here, there = await asyncio.gather(_table(theatre, ORIGIN), _table(theatre, CUT_OFF))
    behind = there["peers"][ORIGIN]
    lacking: int = here["peers"][CUT_OFF]["unacknowledged"]
    return lacking == 0 and behind["records_behind"] == 0 and behind["lag_ms"] is not None
