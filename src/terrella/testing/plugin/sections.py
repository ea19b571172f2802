"""What a failing test's report tells of its world: the regions' states, what happened, the last lines of the logs."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec

from terrella.gameday import ran_and_waited_s
from terrella.kernel import TerrellaError
from terrella.testing.plugin.world import World
from terrella.world import Event

LINES = 15
_decode_event = msgspec.json.Decoder(Event).decode
_TAIL_BYTES = 16_384
_THE_RUNTIMES = ("START RequestId", "END RequestId", "REPORT RequestId", "INIT_START")
"""Lines that Lambda writes around each invocation, of health checks too: what handlers wrote would drown in them."""


def sections_of(world: World) -> list[tuple[str, str]]:
    """Titles and texts, for ``report.sections``. What cannot be found out is told in place of it."""
    logs = world.running.world.state_directory / "logs"
    found = [("terrella: the world", "\n".join(_states(world)))]
    if world.judged and not world.judged[-1]:
        found.append(("terrella: what differs", world.judged[-1].explain()))
    found.append(("terrella: what happened", "\n".join(_events(logs / "world.log", world.since_ms))))
    found += [(f"terrella: last lines of {name}", _tail(logs / name / "region.log")) for name in world.regions]
    found.append(("terrella: last lines of the functions", "\n".join(_function_lines(world))))
    return [(title, text) for title, text in found if text]


def _states(world: World) -> Iterable[str]:
    try:
        status = world.status()
    except TerrellaError as error:
        yield f"could not be asked: {error}"
        return
    width = max(map(len, world.regions))
    for region in status["regions"]:
        name = region["region"]
        yield f"{name:{width}}  {region['state']:11}  {_figures(region)}".rstrip()
        yield from (f"{'':{width}}  {warning}" for warning in region.get("warnings", ()))
        yield from (f"{'':{width}}  {line}" for line in _busy(region.get("pid")))
    yield from (f"fault: {fault['id']}" for fault in status["faults"])
    for link in status["links"]:
        if link["changed"]:
            what = "cut" if link["cut"] else f"{link['delay_ms']:g} ms, {link['loss']:.3g} lost"
            yield f"link {link['from']} -> {link['to']}: {what}"


def _busy(pid: int | None) -> Iterable[str]:
    """Whether the region had to wait for a core longer than it worked: then time-outs tell of this machine."""
    counted = ran_and_waited_s(pid) if pid else None
    if counted is not None and counted[1] > max(counted[0], 1.0):
        yield f"this machine was too busy: it worked {counted[0]:.0f} s, and waited {counted[1]:.0f} s for a core"


def _figures(region: Mapping[str, Any]) -> str:
    if "journal" not in region:
        return str(region.get("reason") or "")
    items = ", ".join(f"{table['name']} {table['items']} items" for table in region["tables"])
    ill = sorted({one["region"] for one in region["health"].values() if not one["healthy"]})
    calls = len(region["cross_region_calls"])
    parts = [items, f"{region['at_risk']} writes at risk" if region["at_risk"] else ""]
    parts += [f"finds unhealthy: {', '.join(ill)}" if ill else "", f"{calls} calls to other regions" if calls else ""]
    return "; ".join(part for part in parts if part)


def _function_lines(world: World) -> Iterable[str]:
    try:
        names = {one["logical_id"] for each in world.status()["regions"] for one in each.get("functions", ())}
        lines = [(line, name) for name in sorted(names) for line in world.logs(name)]
    except TerrellaError as error:
        yield f"could not be asked: {error}"
        return
    written = [each for each in lines if not each[0].message.startswith(_THE_RUNTIMES)]
    for line, name in sorted(written, key=lambda each: each[0].time_ms)[-LINES:]:
        yield f"{line.az or line.region}  {name}  {line.message}"


def _events(path: Path, since_ms: int) -> Iterable[str]:
    """What the world told since the test began, as a person reads it."""
    for line in _tail(path).splitlines():
        try:
            event = _decode_event(line)
        except msgspec.DecodeError:
            continue  # the tail begins in the middle of a line
        if event.time_ms >= since_ms:
            at = datetime.fromtimestamp(event.time_ms / 1000).astimezone()
            yield f"{at:%H:%M:%S}  {event.region or 'the world'}  {event.text}"


def _tail(path: Path) -> str:
    try:
        with path.open("rb") as file:
            file.seek(max(0, path.stat().st_size - _TAIL_BYTES))
            return "\n".join(file.read().decode("utf-8", "replace").splitlines()[-LINES:])
    except OSError:
        return ""
