"""Merging a template's word with the API's overrides, over restarts, in the real journal."""

from pathlib import Path
from typing import Any

import pytest

from terrella.journal import Journal
from terrella.kernel import TerrellaError
from terrella.services.functions import Functions, FunctionSpec
from terrella.services.functions.code import Code
from terrella.services.functions.configuration import Configuration, declare, needs_new_workers, override
from terrella.testing import ManualClock, SeededIds

CODE = Code("00" * 32, 1)


def configuration(**fields: Any) -> Configuration:
    return Configuration(name="f", handler="a.b", runtime="python3.12", code=CODE, **fields)


def test_only_what_the_template_changed_is_applied() -> None:
    stored = declare(None, configuration(timeout_s=3, environment={"A": "1"}), 1, "r1")
    stored = override(stored, {"environment": {"A": "2"}, "memory_mb": 512}, 2, "r2")
    same = declare(stored, configuration(timeout_s=3, environment={"A": "1"}), 3, "r3")
    assert same is stored
    changed = declare(stored, configuration(timeout_s=9, environment={"A": "1"}), 3, "r3")
    assert (changed.effective.timeout_s, changed.effective.environment, changed.effective.memory_mb) == (
        9,
        {"A": "2"},
        512,
    )
    changed = declare(changed, configuration(timeout_s=9, environment={"A": "3"}), 4, "r4")
    assert changed.effective.environment == {"A": "3"}
    assert type(stored).decode(stored.encode()) == stored


def test_what_workers_do_not_see_leaves_them_alone() -> None:
    before = configuration()
    assert not needs_new_workers(before, configuration(description="x", reserved_concurrency=3, tags={"a": "b"}))
    for change in ({"timeout_s": 4}, {"environment": {"A": "1"}}, {"memory_mb": 256}):
        assert needs_new_workers(before, configuration(**change))


async def test_overrides_survive_a_restart_and_an_unchanged_template(tmp_path: Path) -> None:
    (tmp_path / "code").mkdir()
    (tmp_path / "code" / "app.py").write_text("def f(event, context): pass\n")
    spec = FunctionSpec("health", "app.f", "python3.12", tmp_path / "code", environment={"STATUS": "200"})

    async def opened(seed: int) -> tuple[Journal, Functions]:
        clock, ids = ManualClock(), SeededIds(seed)
        journal = await Journal.open(tmp_path / "r.sqlite", "us-west-2", clock, ids)
        functions = Functions("us-west-2", "000000000000", ["a"], "http://x", journal, tmp_path, clock, ids)
        await functions.start()
        return journal, functions

    journal, functions = await opened(1)
    await functions.ensure_function(spec)
    await functions.override("health", {"environment": {"STATUS": "400"}})
    await functions.close()
    await journal.close()
    journal, functions = await opened(2)
    assert functions.find("health").configuration.environment == {"STATUS": "400"}
    await functions.ensure_function(spec)
    assert functions.find("health").configuration.environment == {"STATUS": "400"}
    assert [status.code_sha256 for status in functions.status()] == [functions.code_sha256("health")]
    with pytest.raises(TerrellaError, match="us-west-2 has no function 'nobody'; it has health"):
        await anext(functions.logs("nobody"))
    with pytest.raises(TerrellaError, match="no availability zone 'z'; it has a"):
        functions.kill_workers("z")
    await functions.remove_function("health")
    await functions.close()
    await journal.close()
    journal, functions = await opened(3)
    assert functions.status() == []
    await functions.close()
    await journal.close()
