"""How ``terrella up`` tells what happens: lines while it starts, a banner, lines while it runs."""

import time
from typing import Any

import click

from terrella.kernel import SystemClock
from terrella.world import Event, Mood, Supervisor

_COLOURS = {Mood.GOOD: "green", Mood.NEWS: "cyan", Mood.BAD: "red"}
_STATE_COLOURS = {"serving": "green", "held-down": "magenta", "down": "red", "silent": "red"}


class LineReporter:
    """Writes to standard output; colours only where that is a terminal."""

    def __init__(self) -> None:
        self._clock = SystemClock()
        self._started_s = self._clock.monotonic()
        self._width = 10

    def swept(self, regions: list[str]) -> None:
        """Regions of an earlier supervisor were stopped."""
        click.echo(f"Stopped {', '.join(regions)}, left by a supervisor that was killed.")

    def starting(self, supervisor: Supervisor) -> None:
        """Say what is being started."""
        world = supervisor.world
        self._width = max(len(name) for name in world.regions)
        count = len(world.regions)
        regions = f"{count} region{'s' if count > 1 else ''}"
        click.echo(f"Starting {click.style(world.name, bold=True)}: {regions}, profile {supervisor.profile.name}")

    def ready(self, status: dict[str, Any]) -> None:
        """The banner."""
        click.echo(banner(status, self._clock.monotonic() - self._started_s))
        click.echo(click.style("  Ctrl-C stops everything.", dim=True) + "\n")

    def event(self, event: Event) -> None:
        """One line."""
        moment = click.style(time.strftime("%H:%M:%S", time.localtime(event.time_ms / 1000)), dim=True)
        region = event.region.ljust(self._width)
        click.echo(f"{moment}  {region}  {click.style(event.text, fg=_COLOURS[event.mood])}")

    def stopping(self) -> None:
        """Say that it was heard."""
        click.echo("\nStopping.")


def banner(status: dict[str, Any], took_s: float | None) -> str:
    """Where everything is, with lines to paste."""
    door = status["front_door"]
    took = f" in {took_s:.1f} s" if took_s is not None else ""
    name = click.style(status["world"], bold=True)
    lines = ["", f"  {name} is up{took} {click.style('· profile ' + status['profile'], dim=True)}", ""]
    width = max(len(region["region"]) for region in status["regions"])
    for region in status["regions"]:
        state = click.style(region["state"].ljust(11), fg=_STATE_COLOURS.get(region["state"], "yellow"))
        zones = click.style("zones " + ", ".join(region["azs"]), dim=True)
        lines.append(f"  {region['region'].ljust(width)}  {region['address'].ljust(13)} {state} {zones}")
    first = status["regions"][0]["region"]
    lines += ["", _row("AWS endpoint", door["aws"])]
    lines.append(_hint(f"aws --endpoint-url {door['aws']} --region {first} dynamodb list-tables"))
    if "application" in door:
        address, _, port = door["dns"].rpartition(":")
        names = door["names"]
        host = f"-H 'host: {names[0]}' " if names else ""
        lines += [
            _row("Application", door["application"]),
            _hint(f"curl {host}{door['application']}{_example_path(status)}"),
        ]
        lines += [_row("DNS", door["dns"])]
        lines += [_hint(f"dig @{address} -p {port} {each}") for each in names]
    lines += ["", click.style("  terrella status | logs | kill REGION | restore REGION | link A B --cut", dim=True)]
    return "\n".join(lines)


def _example_path(status: dict[str, Any]) -> str:
    """The first path that a plain GET can ask for; ``/`` where the template has none."""
    for region in status["regions"]:
        for api in (region.get("gateway") or {}).get("apis", []):
            for each in api["routes"]:
                method, _, path = each["route"].partition(" ")
                if method in ("GET", "ANY") and "{" not in path:
                    return str(path)
    return "/"


def _row(label: str, value: str) -> str:
    return f"  {label.ljust(14)}{click.style(value, fg='cyan')}"


def _hint(command: str) -> str:
    return f"  {' ' * 14}{click.style('$ ' + command, dim=True)}"
