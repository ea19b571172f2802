"""docs/load.md names every key of a request, and its Python file is played."""

import asyncio
import re
from pathlib import Path

import yaml
from tests.unit.gameday.load.miniature import miniature, until

from terrella.gameday.load import CITIES, REQUEST_KEYS, LoadPlan, ResolverPlan, check_writes, python_requests

PAGE = (Path(__file__).parents[4] / "docs" / "load.md").read_text()
PATIENT = ResolverPlan(look_up_s=0.0, patience_s=60.0)


def test_every_key_of_a_request_has_a_row() -> None:
    table = PAGE.partition("## `requests`")[2].partition("\n\n")[2].partition("\n\n")[0]
    assert re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE) == [
        *("method", "path", "headers", "body", "writes", "read_back", "known", "shows", "deletes"),
        *("expect", "absent", "retry"),
    ]
    assert set(re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE)) == set(REQUEST_KEYS)


async def test_the_python_file_is_played(tmp_path: Path) -> None:
    (example,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    (tmp_path / "load.py").write_text(example)
    kinds = python_requests(tmp_path / "load.py")
    assert list(kinds) == ["order", "look"]
    async with miniature() as world:
        plan = LoadPlan(40.0, {"order": 1, "look": 1}, (CITIES["london"],), kinds, PATIENT, timeout_s=60.0)
        generator, samples = world.generator(plan)
        running = asyncio.create_task(world.play(generator))
        await until(lambda: sum(sample.stale is False for sample in samples) >= 3)
        generator.stop()
        await running
        check = await check_writes(generator.writes, world.addresses)
    assert all(sample.ok for sample in samples)
    assert {sample.kind for sample in samples} == {"order", "look"}
    assert (check.acknowledged, check.unchecked, check.lost) == (len(world.items), 0, [])


def test_the_mapping_of_read_back_is_as_shown() -> None:
    (shown,) = re.findall(r"`read_back: (\{.*?\})` finds", PAGE)
    assert yaml.safe_load(shown) == {"request": "GET /orders?by={id}", "counts": "orders"}
