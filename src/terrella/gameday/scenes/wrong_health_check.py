"""Scene 7: the talk's bug. A health check watches the wrong region: the linter names the line, customers meet it."""

import asyncio
import sys
from pathlib import Path

from terrella.gameday.client import Load
from terrella.gameday.theatre import Theatre

SCENE = "the talk's bug"
REGION = "us-west-2"
RATE_PER_S = 20.0
WATCHED_S = 3.0
_HOST_LINE = "FullyQualifiedDomainName:"


def plant(template: Path, host: str) -> int:
    """Point the template's health check at ``host``, as one pasted from another region's console; answers the line."""
    lines = template.read_text().splitlines(keepends=True)
    number = next(n for n, line in enumerate(lines) if line.strip().startswith(_HOST_LINE))
    indent = lines[number][: len(lines[number]) - len(lines[number].lstrip())]
    lines[number] = f"{indent}{_HOST_LINE} {host}\n"
    template.write_text("".join(lines))
    return number + 1


async def check(theatre: Theatre, directory: Path, line: int) -> None:
    """``terrella check`` names the line, with nothing running."""
    theatre.stage.scene(7, "The talk's bug: every region's health check watches us-east-1")
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "terrella",
        "check",
        str(directory / "world.yaml"),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output = (await process.communicate())[0].decode()
    named = [text.strip() for text in output.splitlines() if f"template.yaml:{line}" in text]
    for text in named[:2]:
        theatre.stage.say(text)
    theatre.expect(
        SCENE,
        "terrella check, before anything starts",
        f"names template.yaml:{line}, exit code not 0",
        f"named {'once' if len(named) == 1 else f'{len(named)} times'}, exit code {process.returncode}",
        bool(named) and process.returncode != 0,
    )


async def play(theatre: Theatre) -> None:
    """Started anyway: the region dies, its health check watches another one, and clients are sent to the dead."""
    theatre.stage.say(f"started anyway; {REGION} is killed")
    async with Load(lambda _: theatre.client.send("GET", "/health"), RATE_PER_S) as load:
        await asyncio.sleep(0.5)
        killed_s = theatre.clock.monotonic()
        await theatre.operator.kill(REGION)
        await asyncio.sleep(WATCHED_S)
        still = REGION in await theatre.answers()
        after = [one for one in load.served if one.started_s > killed_s]
    failed = sum(not one.ok for one in after)
    theatre.expect(
        SCENE,
        f"{WATCHED_S:.0f} s after the region died, DNS",
        "still hands it out: its check is green",
        "still hands it out" if still else "has left it",
        still,
    )
    theatre.expect(
        SCENE,
        "what clients see",
        "failures, for as long as nobody looks",
        f"{failed} of {len(after)} requests failed",
        failed > 0,
    )
