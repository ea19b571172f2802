"""Scene 2: seventy items through the one name; then everything is deleted in one region and is gone in all."""

import asyncio
import json
from collections import Counter

from terrella.gameday.theatre import Theatre

SCENE = "seventy items"
ITEMS = 70
DELETER = "eu-west-1"
SHARE_MIN, SHARE_MAX = 8, 40  # of 70 at weights of a third: five standard deviations each way


async def play(theatre: Theatre) -> None:
    """Post, count by what the items themselves say, delete."""
    theatre.stage.scene(2, f"{ITEMS} items are posted to the one global name")
    served = [await theatre.create_anywhere({"id": f"item-{n:02}", "message": f"number {n}"}) for n in range(ITEMS)]
    acknowledged = [json.loads(one.body) for one in served if one.ok]
    theatre.expect(SCENE, "acknowledged", f"{ITEMS} of {ITEMS}", f"{len(acknowledged)}", len(acknowledged) == ITEMS)
    split = Counter(item["written_in"] for item in acknowledged)
    theatre.expect(
        SCENE,
        "split over the regions, as the items say",
        f"about a third each ({SHARE_MIN} to {SHARE_MAX})",
        ", ".join(f"{region} {split[region]}" for region in theatre.regions),
        all(SHARE_MIN <= split[region] <= SHARE_MAX for region in theatre.regions),
    )
    took_s = await theatre.until("all regions have all items", lambda: _all_have(theatre, theatre.acknowledged))
    theatre.expect(SCENE, "every item is in every region", "within 2 s", f"{took_s * 1000:.0f} ms", took_s < 2.0)

    theatre.stage.say(f"everything is deleted in {DELETER}")
    await _delete_everything(theatre)
    theatre.acknowledged.clear()
    took_s = await theatre.until("all regions are empty", lambda: _all_empty(theatre))
    theatre.expect(SCENE, f"deleted in {DELETER}, gone in all", "within 2 s", f"{took_s * 1000:.0f} ms", took_s < 2.0)


async def _all_have(theatre: Theatre, wanted: set[str]) -> bool:
    """What was written although its client was not told so is there as well."""
    found = await asyncio.gather(*(theatre.ids(r) for r in theatre.regions))
    return all(ids >= wanted for ids in found)


async def _all_empty(theatre: Theatre) -> bool:
    return not any(await asyncio.gather(*(theatre.ids(r) for r in theatre.regions)))


async def _delete_everything(theatre: Theatre) -> None:
    ids = sorted(await theatre.ids(DELETER))
    for start in range(0, len(ids), 25):
        requests = [{"DeleteRequest": {"Key": {"id": {"S": one}}}} for one in ids[start : start + 25]]
        await theatre.operator.aws("dynamodb", DELETER, "batch_write_item", RequestItems={theatre.table: requests})
