"""``terrella up``."""

import asyncio
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import click

from terrella.cli.report import LineReporter, banner
from terrella.cli.running import front_door
from terrella.kernel import PROFILES, TerrellaError
from terrella.world import Options, find_world, front_traffic, holder, load_world, run_world

_POLL_S = 0.05


@click.command("up")
@click.argument("world", type=click.Path(path_type=Path), required=False, metavar="[WORLD.YAML]")
@click.option("--detach", "-d", is_flag=True, help="Return once the world is up; terrella down stops it.")
@click.option(
    "--profile", type=click.Choice(sorted(PROFILES)), help="How fast health checks turn.  [default: as in world.yaml]"
)
@click.option(
    "--skip-unsupported", is_flag=True, help="Start although the template holds resources that are not supported."
)
@click.option(
    "--until-input-ends", is_flag=True, hidden=True, help="Stop when standard input ends: with who started it."
)
def command(
    world: Path | None, detach: bool, profile: str | None, skip_unsupported: bool, until_input_ends: bool
) -> None:
    """Start the world and run it until Ctrl-C.

    Reads ./world.yaml unless another is named. Every region is a process of its own; one that crashes is started again.
    """
    path = find_world(world)
    loaded = load_world(path)
    if detach:
        _detach(path.resolve(), profile, skip_unsupported)
        return
    if until_input_ends:
        threading.Thread(target=_stop_with_input, daemon=True).start()
    options = Options(PROFILES[profile] if profile is not None else None, skip_unsupported)
    run_world(loaded, options, LineReporter(), make_traffic=front_traffic)


def _stop_with_input() -> None:
    """Whoever started us is gone when our input ends, even if it was killed: what it played with must not stay."""
    while os.read(sys.stdin.fileno(), 4096):
        pass
    os.kill(os.getpid(), signal.SIGINT)


def _detach(path: Path, profile: str | None, skip_unsupported: bool) -> None:
    """Start ``terrella up`` in a session of its own, and wait until its world is up or it has failed."""
    state_directory = path.parent / ".terrella"
    if (running := holder(state_directory)) is not None:
        raise TerrellaError(f"the world is running already (process {running.pid}); terrella down stops it")
    log = state_directory / "logs" / "up.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    arguments = [sys.executable, "-m", "terrella", "up", str(path)]
    if profile is not None:
        arguments += ["--profile", profile]
    if skip_unsupported:
        arguments.append("--skip-unsupported")
    with log.open("wb") as output:
        child = subprocess.Popen(  # noqa: S603 - our own command
            arguments, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT, start_new_session=True
        )
    while (found := holder(state_directory)) is None or not found.ready:
        if child.poll() is not None:
            said = log.read_text(errors="replace").strip()
            reason = said.rpartition("terrella: ")[2] if "terrella: " in said else f"see {log}"
            raise TerrellaError(reason)
        time.sleep(_POLL_S)
    status = asyncio.run(front_door(path).get("/_terrella/status"))
    click.echo(banner(status, None))
    click.echo(click.style("  terrella down stops it.", dim=True))
