"""``terrella logs``: of one function, or of all of them, each line with the function's name."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from terrella.cli import logs, terrella

WRITTEN = {
    ("us-east-1", "Place"): [(1_000, "placed")],
    ("us-east-1", "Get"): [(3_000, "got")],
    ("eu-west-1", "Place"): [(2_000, "placed, too")],
    ("eu-west-1", "Get"): [],
}


class Client:
    """What a control client answers of ``WRITTEN``."""

    def __init__(self, region: str) -> None:
        self.who = region

    async def get(self, _path: str) -> dict[str, Any]:
        functions = [{"logical_id": name, "name": f"orders-{name}-1A2B"} for name in ("Get", "Place")]
        regions: list[dict[str, Any]] = [{"region": "us-east-1"}, {"region": "eu-west-1", "functions": functions}]
        return {"world": "orders", "regions": regions}

    async def lines(self, path: str) -> AsyncIterator[dict[str, Any]]:
        function = path.partition("function=")[2].partition("&")[0]
        for time_ms, message in WRITTEN[self.who, function]:
            yield {"time_ms": time_ms, "az": f"{self.who}a", "message": message}


@pytest.fixture(autouse=True)
def world(monkeypatch: pytest.MonkeyPatch) -> None:
    def ask(_path: Path | None, question: Callable[[Any], Awaitable[None]]) -> None:
        async def conversation() -> None:
            await question(Client("us-east-1"))

        asyncio.run(conversation())

    async def region_clients(_client: Client, _only: str | None) -> list[Client]:
        return [Client("us-east-1"), Client("eu-west-1")]

    monkeypatch.setattr(logs, "ask", ask)
    monkeypatch.setattr(logs, "region_clients", region_clients)


def said(*arguments: str) -> list[list[str]]:
    """The lines, without their times, in words."""
    done = CliRunner().invoke(terrella, ["logs", *arguments])
    assert done.exit_code == 0, done.output
    return [line.split("  ")[1:] for line in done.output.splitlines()]


def test_of_one_function() -> None:
    assert said("Place") == [["us-east-1a", "placed"], ["eu-west-1a", "placed, too"]]


@pytest.mark.parametrize("follow", [(), ("--follow",)])
def test_of_all_functions_with_their_names(follow: tuple[str, ...]) -> None:
    lines = [["us-east-1a", "Place", "placed"], ["eu-west-1a", "Place", "placed, too"], ["us-east-1a", "Get", "got"]]
    found = said(*follow)
    assert (found if not follow else sorted(found)) == (lines if not follow else sorted(lines))
